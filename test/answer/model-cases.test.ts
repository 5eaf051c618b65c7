import { copyFile, mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { AnswerReader } from '../../src/answer/answer-reader.ts'
import { readPixels } from '../../src/codec/image-input.ts'
import { pixelsToInput } from '../../src/codec/pixels-to-input.ts'
import { loadEngine } from '../../src/executor/load-engine.ts'
import { runWhole } from '../../src/executor/parity.ts'
import { readInputs } from '../../src/input/read-inputs.ts'
import { bindInputs, bindingsOf } from '../../src/model-graph/bind-inputs.ts'
import { loadLabels, loadModel } from '../../src/model-graph/load-model.ts'
import { type Manifest, pictureOf } from '../../src/model-graph/manifest.ts'
import { proposeManifest } from '../../src/model-graph/propose-manifest.ts'
import { bundledPhoto } from '../model-input.ts'
import { noSharedData, sharedData } from '../shared-data.ts'

const picture = { width: 64, height: 64, mean: 0, scale: 255 }

/** The published cases of models whose files are fine and whose answers were not. */
describe('cases of models', () => {
  async function answer(name: string, manifest: object, payload: Uint8Array) {
    const from = sharedData(`cases/models/${name}`)!
    const folder = await mkdtemp(join(tmpdir(), 'surgeon-case-'))
    const file = (await readdir(from)).find((each) => each.endsWith('.onnx'))!
    await copyFile(join(from, file), join(folder, file))
    await writeFile(join(folder, 'surgeon.json'), JSON.stringify({ name, ...manifest }))
    const model = await loadModel(folder)
    const { graph } = model
    const picture = pictureOf(model.manifest)
    const read = picture && (await readPixels(payload, picture))
    const bindings = bindInputs(graph, model.manifest, name).filter((binding) => binding.kind === 'values')
    const values = picture ? [pixelsToInput(read!.made, picture)] : readInputs({ payload }, bindings)
    const engine = await loadEngine('onnxruntime')
    const outputs = await runWhole(model, values, { engine, threads: 1 })
    return { outputs, body: new AnswerReader(model, []).read(outputs, read) }
  }

  it('labels-first: the output that holds the scores is named, and another is refused', async ({ skip }) => {
    skip(sharedData('cases/models') === undefined, noSharedData)
    const photo = await readFile(bundledPhoto('cat'))
    const output = { kind: 'softmax', topK: 3, tensor: 'p' }
    const { body } = await answer('labels-first', { input: picture, output }, photo)
    const sum = 'top' in body ? body.top.reduce((total, { probability }) => total + probability, 0) : 0
    expect(sum).toBeGreaterThan(0.1)
    expect(sum).toBeLessThan(1.01)
    const first = answer('labels-first', { input: picture, output: { kind: 'softmax' } }, photo)
    await expect(first).rejects.toThrow(/must be probabilities .*its outputs are '.*' \[.*\], 'p' \[/)
    const other = answer('labels-first', { input: picture, output: { ...output, tensor: 'q' } }, photo)
    await expect(other).rejects.toThrow(/must be one of .*'p' \[.*current value is 'q'/)
  })

  it('grey-picture: one channel', async ({ skip }) => {
    skip(sharedData('cases/models') === undefined, noSharedData)
    const model = await loadModel(join(sharedData('cases/models/grey-picture')!, 'grey-picture.onnx'))
    const [, height, width] = model.graph.tensors[model.graph.inputs[0]!]!.shape.slice(-3)
    const input = { ...picture, width: width!, height: height!, channels: 'grey' }
    const photo = await readFile(bundledPhoto('cat'))
    const { body } = await answer('grey-picture', { input, output: { kind: 'classes', topK: 2 } }, photo)
    expect(body).toMatchObject({ top: [{ index: expect.any(Number) }, {}] })
  })

  it('detector-raw-boxes: a list of boxes within the picture', async ({ skip }) => {
    skip(sharedData('cases/models') === undefined, noSharedData)
    const output = { kind: 'boxes', layout: 'yolov8', score: 0.01 }
    const photo = await readFile(bundledPhoto('cat'))
    const { body } = await answer('detector-raw-boxes', { input: picture, output }, photo)
    expect(body).toMatchObject({ boxes: expect.any(Array) })
  })

  it('sensor-window: as its example says', async ({ skip }) => {
    skip(sharedData('cases/models') === undefined, noSharedData)
    const path = sharedData('cases/models/sensor-window/example.json')!
    const example = JSON.parse(await readFile(path, 'utf8')) as { input: number[][] } & Record<
      string,
      number[]
    >
    const payload = new TextEncoder().encode(JSON.stringify(example.input))
    const manifest = { input: { kind: 'values', shape: [64, 3] }, output: { kind: 'values' } }
    const { outputs } = await answer('sensor-window', manifest, payload)
    const expected = Object.entries(example)
      .find(([key]) => key !== 'input')![1]
      .flat()
    for (const [i, value] of outputs[0]!.data.entries()) expect(value).toBeCloseTo(expected[i]!, 5)
  })

  it('zipmap-output: class names that the file itself holds are the labels', async ({ skip }) => {
    skip(sharedData('cases/models') === undefined, noSharedData)
    const source = sharedData('cases/models/zipmap-output')!
    const model = await loadModel(source)
    expect(model.manifest.output).toMatchObject({ kind: 'classes', tensor: 'n' })
    const reader = new AnswerReader(model, await loadLabels(source, model))
    const payload = new TextEncoder().encode('[1, 2, 3, 4]')
    const values = readInputs(
      { payload },
      bindingsOf(bindInputs(model.graph, model.manifest, source), 'values'),
    )
    const engine = await loadEngine('onnxruntime')
    const body = reader.read(await runWhole(model, values, { engine, threads: 1 }), undefined)
    const labels = 'top' in body ? body.top.map(({ label }) => label) : []
    expect(labels.toSorted()).toEqual(['0', '1', '2'])
  })

  it('constant-output: an answer of values cannot be the one that is constant', async ({ skip }) => {
    skip(sharedData('cases/models') === undefined, noSharedData)
    const model = await loadModel(sharedData('cases/models/constant-output/constant-output.onnx')!)
    expect([...model.constantOutputs!.keys()]).toEqual(['anchors_out'])
    const { graph } = model
    const manifest = proposeManifest(graph).manifest
    const wanted: Manifest = { ...manifest, output: { kind: 'values', tensors: ['anchors_out'] } }
    expect(() => new AnswerReader({ graph, manifest: wanted }, [])).toThrow(/must be one of 'y'/)
  })
})
