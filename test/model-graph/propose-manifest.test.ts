import { describe, expect, test } from 'vitest'
import { loadModel } from '../../src/model-graph/load-model.ts'
import { type Manifest, manifestSchema } from '../../src/model-graph/manifest.ts'
import { proposeManifest, writeManifest } from '../../src/model-graph/propose-manifest.ts'
import { input, kerasTopology, type LayerSketch, sketchModel } from '../keras-model.ts'
import { classifier, detector, sensor, smallModel, stateful } from './onnx/small-models.ts'

const proposed = async (name: string, parts: typeof sensor) => {
  const { graph } = await loadModel(await smallModel(name, parts))
  return proposeManifest(graph)
}

describe('proposeManifest', () => {
  test('numbers are taken as they are, without a doubt', async () => {
    const { manifest, doubts, isSafe } = await proposed('sensor', sensor)
    expect(manifest).toEqual({
      name: 'sensor',
      input: { kind: 'values', shape: [64, 3] },
      output: { kind: 'softmax', topK: 4 },
    })
    expect([doubts, isSafe]).toEqual([[], true])
  })

  test('how a picture is normalised is a guess, and said to be one', async () => {
    const { manifest, doubts, isSafe } = await proposed('classifier', classifier)
    expect(manifest).toMatchObject({ input: { width: 16, height: 16, channels: 'rgb' }, output: { topK: 3 } })
    expect([doubts.length, isSafe]).toEqual([1, false])
    expect(doubts[0]).toMatch(/mean, scale and channels are a guess/)
  })

  test('boxes are known by their shape', async () => {
    const { manifest, doubts } = await proposed('detector', detector)
    expect(manifest.output).toMatchObject({ kind: 'boxes', layout: 'yolov8' })
    expect(doubts[1]).toMatch(/layout yolov8/)
  })

  test('an input that has the shape of an output alone is state', async () => {
    const { manifest, isSafe } = await proposed('stateful', stateful)
    expect(manifest).toMatchObject({ state: { h: 'hn' }, output: { kind: 'values' } })
    expect(manifest.input).toEqual({ kind: 'values', shape: [6] })
    expect(isSafe).toBe(false)
  })

  test('several inputs are told by their names', () => {
    const other: LayerSketch = ['other', 'InputLayer', { batch_input_shape: [null, 3] }]
    const sketch = [input(4), other, ['both', 'Concatenate', { axis: -1 }, 'in', 'other']] as LayerSketch[]
    const { manifest } = proposeManifest(sketchModel(kerasTopology(sketch)).graph)
    expect(manifest.input).toEqual({ kind: 'named', inputs: { in: { shape: [4] }, other: { shape: [3] } } })
  })

  test('what is written is read as the same', async () => {
    const several: Manifest = {
      name: 's',
      input: { kind: 'named', inputs: { a: { shape: [2] } } },
      fixed: { rate: 8 },
      output: { kind: 'values' },
    }
    const all = [several]
    for (const [name, parts] of Object.entries({ sensor, classifier, detector, stateful }))
      all.push((await proposed(name, parts)).manifest)
    for (const manifest of all) expect(manifestSchema.parse(writeManifest(manifest))).toEqual(manifest)
  })
})
