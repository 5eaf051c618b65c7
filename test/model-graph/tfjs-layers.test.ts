import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import type { Engine } from '../../src/executor/engine.ts'
import { loadEngine } from '../../src/executor/load-engine.ts'
import { checkWounds, runWhole } from '../../src/executor/parity.ts'
import { toBorderOrder, toSourceOrder } from '../../src/model-graph/border-order.ts'
import { loadModel } from '../../src/model-graph/load-model.ts'
import { bestRingWounds } from '../../src/model-graph/ring-wounds.ts'
import { singleWounds } from '../../src/model-graph/single-wounds.ts'
import { elementCount } from '../../src/tensor/element-count.ts'
import { noXnnpack, xnnpackWhereInstalled } from '../executor/xnnpack-setup.ts'
import { maxAbsDiff } from '../model-input.ts'
import { noSharedData, sharedData } from '../shared-data.ts'

/** A network with what TensorFlow.js itself answers; `scripts/record-tfjs-layers.mjs` writes them. */
interface Recorded {
  readonly name: string
  readonly modelTopology: unknown
  readonly weightSpecs: readonly unknown[]
  readonly weights: string
  readonly input: readonly number[]
  readonly output: readonly number[]
  readonly shape: readonly number[]
}

const path = new URL('../../../test/model-graph/tfjs-layers.json', import.meta.url)
const recorded = JSON.parse(await readFile(path, 'utf8')) as Recorded[]

/** Engine xnnpack has no node for these. */
const refusedClasses = /"class_name":"(LSTM|GRU|SimpleRNN|Bidirectional|Embedding)"/
const isRefused = ({ modelTopology }: Recorded): boolean => refusedClasses.test(JSON.stringify(modelTopology))

const onnxruntime = await loadEngine('onnxruntime')
const found = await xnnpackWhereInstalled()

describe('loadModel takes layers of one dimension, recurrent ones and tables', () => {
  test.each(recorded.map((each): [string, Recorded] => [each.name, each]))(
    '%s: as TensorFlow.js, and equal at every wound',
    async (_, network) => {
      const { whole, worst, shape } = await answers(network, onnxruntime)
      expect(shape).toEqual([1, ...network.shape])
      expect(maxAbsDiff(whole, Float32Array.from(network.output))).toBeLessThan(1e-5)
      expect(worst).toBeLessThan(1e-5)
    },
  )

  // What TensorFlow.js 4.22 answers for the sines of 0, 1, 2 and so on.
  test.for<[string, number[]]>([
    ['tfjs-dense', [0.3646066188812256, 0.33129584789276123, 0.3040975332260132]],
    ['tfjs-conv1d', [0.3003045916557312, 0.33446818590164185, 0.36522725224494934]],
  ])('%s, of the cases, without a manifest', async ([name, expected], { skip }) => {
    const folder = sharedData(`cases/models/${name}`)
    skip(folder === undefined, noSharedData)
    const { whole, worst } = await answersOf(folder!, onnxruntime, (i) => Math.sin(i))
    expect(maxAbsDiff(whole, Float32Array.from(expected))).toBeLessThan(1e-6)
    expect(worst).toBeLessThan(1e-5)
  })
})

describe('engine xnnpack', () => {
  beforeEach(({ skip }) => skip(found === undefined, noXnnpack))

  const xnnpack = found!

  const [computed, refused] = [recorded.filter((each) => !isRefused(each)), recorded.filter(isRefused)]

  test.each(computed.map((each): [string, Recorded] => [each.name, each]))(
    '%s: as TensorFlow.js, and equal at every wound',
    async (_, network) => {
      const { whole, worst } = await answers(network, xnnpack)
      expect(maxAbsDiff(whole, Float32Array.from(network.output))).toBeLessThan(1e-5)
      expect(worst).toBeLessThan(1e-5)
    },
  )

  test.each(refused.map((each): [string, Recorded] => [each.name, each]))(
    '%s: is refused by the name of its layer',
    async (_, network) => {
      await expect(answers(network, xnnpack)).rejects.toThrow(/engine xnnpack must know class \w+ of '\w+'/)
    },
  )
})

async function answers({ modelTopology, weightSpecs, weights, input }: Recorded, engine: Engine) {
  const folder = await mkdtemp(join(tmpdir(), 'surgeon-tfjs-'))
  try {
    const weightsManifest = [{ paths: ['weights.bin'], weights: weightSpecs }]
    const json = { format: 'layers-model', modelTopology, weightsManifest }
    await writeFile(join(folder, 'model.json'), JSON.stringify(json))
    await writeFile(join(folder, 'weights.bin'), Buffer.from(weights, 'base64'))
    return await answersOf(folder, engine, (i) => input[i]!)
  } finally {
    await rm(folder, { recursive: true })
  }
}

async function answersOf(folder: string, engine: Engine, valueAt: (i: number) => number) {
  const model = await loadModel(folder)
  const { graph } = model
  const tensor = graph.tensors[graph.inputs[0]!]!
  const data = Float32Array.from({ length: elementCount(tensor.shape) }, (_, i) => valueAt(i))
  const inputs = [toBorderOrder({ shape: [1, ...tensor.shape], data }, tensor)]
  const options = { engine, threads: 1 }
  const whole = await runWhole(model, inputs, options)
  const singles = singleWounds(graph)
  const wounds = [...singles, ...bestRingWounds(graph, singles)]
  const { maxAbsDiff: worst } = await checkWounds(model, wounds, inputs, whole, options)
  const answer = toSourceOrder(whole[0]!, graph.tensors[graph.outputs[0]!]!)
  return { whole: answer.data, shape: answer.shape, worst }
}
