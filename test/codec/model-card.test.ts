import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { AnswerReader } from '../../src/answer/answer-reader.ts'
import { readModelCard, writeModelCard } from '../../src/codec/model-card.ts'
import { modelCalibration } from '../../src/codec/model-codecs.ts'
import { segmentChain } from '../../src/executor/segment-chain.ts'
import { bindInputs } from '../../src/model-graph/bind-inputs.ts'
import { borderShape } from '../../src/model-graph/layer-graph.ts'
import { loadLabels, loadModel } from '../../src/model-graph/load-model.ts'
import { plannedWounds } from '../../src/scheduler/candidate-wounds.ts'
import { detector, sensor, smallModel } from '../model-graph/onnx/small-models.ts'

async function cardOf(source: string) {
  const model = await loadModel(source)
  const labels = await loadLabels(source, model)
  const calibration = await modelCalibration(source, model.hash)
  return { model, labels, calibration, hasRandomWeights: false }
}

function isReadOrRefused(bytes: Uint8Array): boolean {
  try {
    return readModelCard(bytes).model.graph.inputs.length > 0
  } catch (error) {
    return error instanceof Error
  }
}

test('a card says of a model all that its answers need, and of its calibration what is of the input', async () => {
  const small = [await smallModel('detector', detector), await smallModel('sensor', sensor)]
  for (const source of ['mobilenetv2', 'activity', ...small]) {
    const card = await cardOf(source)
    const read = readModelCard(writeModelCard(card))
    const { model } = read
    const { graph, hash } = card.model
    expect({ hash: model.hash, labels: read.labels }).toEqual({ hash, labels: card.labels })
    expect(new AnswerReader(model, read.labels).spec).toEqual(new AnswerReader(card.model, card.labels).spec)
    const bound = ({ tensor, ...rest }: ReturnType<typeof bindInputs>[number]) => ({
      ...rest,
      name: tensor.name,
      shape: borderShape(tensor),
    })
    expect(bindInputs(model.graph, model.manifest, '').map(bound)).toEqual(
      bindInputs(graph, card.model.manifest, '').map(bound),
    )
    expect(model.graph.outputs.map((id) => borderShape(model.graph.tensors[id]!))).toEqual(
      graph.outputs.map((id) => borderShape(graph.tensors[id]!)),
    )
    const wounds = plannedWounds(model.graph, read.calibration)
    expect(wounds.map(({ id }) => id)).toEqual(['input', 'local'])
    expect(segmentChain(model.graph, wounds).segments).toHaveLength(1)
    expect(read.calibration?.rows).toEqual(card.calibration?.rows.filter(({ wound }) => wound === 'input'))
  }
})

test('readModelCard() takes nothing that claims more than a model has, and throws nothing but errors', async () => {
  const bytes = writeModelCard(await cardOf('activity'))
  const text = Buffer.from(bytes).toString()
  const changed = (from: string, to: string) => () => {
    expect(text).toContain(from)
    return readModelCard(Buffer.from(text.replace(from, to)))
  }
  expect(changed('"labels":[', '"labels":[5,')).toThrow(/labels/)
  expect(changed('"hash":"', '"hash":"zz')).toThrow(/hash/)
  expect(changed('"shape":[64,3],"layout"', '"shape":[65536,65536],"layout"')).toThrow(/at most 16777216/)
  fc.assert(
    fc.property(fc.nat(bytes.length - 1), fc.nat(255), (at, value) => {
      const damaged = bytes.slice()
      damaged[at] = value
      return isReadOrRefused(damaged)
    }),
    { numRuns: 500 },
  )
})
