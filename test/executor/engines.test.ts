import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, test } from 'vitest'
import type { Engine, Executable } from '../../src/executor/engine.ts'
import { loadEngine } from '../../src/executor/load-engine.ts'
import { withWeightsHeld } from '../../src/executor/parity.ts'
import { cut, divide, wholeModel } from '../../src/model-graph/cut.ts'
import { findWound } from '../../src/model-graph/find-wound.ts'
import { loadLayersModel } from '../../src/model-graph/load-layers-model.ts'
import type { Model } from '../../src/model-graph/model.ts'
import type { Segment } from '../../src/model-graph/segment.ts'
import { singleWounds } from '../../src/model-graph/single-wounds.ts'
import type { TensorValue } from '../../src/tensor/tensor-value.ts'
import { argmax, bundledPhoto, maxAbsDiff, photoInput } from '../model-input.ts'
import { repositoryRoot } from '../paths.ts'

const folder = new URL('models/mobilenetv2/', repositoryRoot)
const references: Float32Array[] = []
let model: Model
let labels: string[]
let cat: TensorValue

beforeAll(async () => {
  model = await withWeightsHeld(await loadLayersModel(fileURLToPath(folder)))
  labels = JSON.parse(await readFile(new URL('labels.json', folder), 'utf8')) as string[]
  cat = await photoInput(bundledPhoto('cat'), model.manifest)
})

async function runOnce(
  engine: Engine,
  segment: Segment,
  inputs: readonly TensorValue[],
): Promise<TensorValue[]> {
  const executable = await engine.compile(model, segment, { threads: 1 })
  const values = await executable.run(inputs)
  await executable.release()
  return values
}

/** Of every n-th single-tensor wound: compiling is what takes the time, and both engines compile the same ONNX. */
const sampled = { onnxruntime: 1, wasm: 4 } as const

describe.each(['onnxruntime', 'wasm'] as const)('engine %s', (name) => {
  let engine: Engine
  let whole: Executable

  beforeAll(async () => {
    engine = await loadEngine(name)
    whole = await engine.compile(model, wholeModel(model.graph), { threads: 1 })
  })

  test('names what is in the photos', async () => {
    for (const [photo, answers] of [
      ['cat', ['Egyptian cat', 'tabby']],
      ['coffee', ['espresso', 'cup']],
      ['palace', ['palace']],
      ['rocket', ['missile', 'projectile']],
    ] as const) {
      const [probabilities] = await whole.run([await photoInput(bundledPhoto(photo), model.manifest)])
      expect(answers).toContain(labels[argmax(probabilities!.data)])
      expect(probabilities!.data.reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 4)
    }
    const [values] = await whole.run([cat])
    references.push(values!.data)
  })

  test(`gives the same answer at every single-tensor wound (of ${sampled[name]})`, async () => {
    const [reference] = await whole.run([cat])
    const wounds = singleWounds(model.graph)
    expect(wounds.length).toBe(76)
    const wrong: string[] = []
    for (const wound of wounds.filter((_, i) => i % sampled[name] === 0)) {
      const { head, tail } = cut(model.graph, wound)
      const crossing = await runOnce(engine, head, [cat])
      const [answer] = wound.id === 'local' ? crossing : await runOnce(engine, tail, crossing)
      const difference = maxAbsDiff(answer!.data, reference!.data)
      if (!(difference <= 1e-4)) wrong.push(`${wound.id}: ${difference}`)
    }
    expect(wrong).toEqual([])
  })

  test('gives the same answer at a wound of two tensors and in a chain of segments', async () => {
    const [reference] = await whole.run([cat])
    const ring = cut(model.graph, findWound(model.graph, 'block_1_project_BN+block_2_depthwise_relu'))
    const [answer] = await runOnce(engine, ring.tail, await runOnce(engine, ring.head, [cat]))
    expect(maxAbsDiff(answer!.data, reference!.data)).toBeLessThanOrEqual(1e-4)

    const wounds = ['block_2_add', 'block_6_project_BN', 'out_relu'].map((id) => findWound(model.graph, id))
    const values = new Map([[model.graph.inputs[0]!, cat]])
    for (const segment of divide(model.graph, wounds)) {
      const outputs = await runOnce(
        engine,
        segment,
        segment.inputs.map((id) => values.get(id)!),
      )
      for (const [index, id] of segment.outputs.entries()) values.set(id, outputs[index]!)
    }
    expect(maxAbsDiff(values.get(model.graph.outputs[0]!)!.data, reference!.data)).toBeLessThanOrEqual(1e-4)
  })

  test('computes a batch as it computes its members, in memory that can move to another thread', async () => {
    const coffee = await photoInput(bundledPhoto('coffee'), model.manifest)
    const both = new Float32Array([...cat.data, ...coffee.data])
    const [batch] = await whole.run([{ shape: [2, 3, 224, 224], data: both }])
    expect(batch!.shape).toEqual([2, 1000])
    for (const [index, photo] of [cat, coffee].entries()) {
      const [single] = await whole.run([photo])
      expect(maxAbsDiff(batch!.data.slice(1000 * index, 1000 * (index + 1)), single!.data)).toBeLessThan(1e-4)
    }
    const copy = batch!.data.slice()
    const moved = structuredClone(batch!.data, { transfer: [batch!.data.buffer] })
    expect(batch!.data.length).toBe(0)
    expect(moved).toEqual(copy)
  })

  test("refuses inputs that are not the segment's and runs after release", async () => {
    const wrong = (shape: number[], length: number): TensorValue => ({
      shape,
      data: new Float32Array(length),
    })
    await expect(whole.run([])).rejects.toThrow(/inputs must be 1, current value is 0/)
    await expect(whole.run([wrong([1, 224, 224, 3], 150_528)])).rejects.toThrow(/must be \[N, 3, 224, 224\]/)
    await expect(whole.run([wrong([3, 224, 224], 150_528)])).rejects.toThrow(TypeError)
    await expect(whole.run([wrong([0, 3, 224, 224], 0)])).rejects.toThrow(TypeError)
    await expect(whole.run([wrong([1, 3, 224, 224], 9)])).rejects.toThrow(/must be 150528 float32 values/)
    const { head } = cut(model.graph, findWound(model.graph, 'block_1_project_BN'))
    const executable = await engine.compile(model, head, { threads: 1 })
    await executable.release()
    await executable.release()
    await expect(executable.run([cat])).rejects.toThrow(/must not be released/)
    const open: Segment = { ...head, layers: head.layers.slice(3) }
    await expect(engine.compile(model, open, { threads: 1 })).rejects.toThrow(
      /must read what the segment makes/,
    )
  })
})

test('engines agree', () => {
  expect(references.length).toBe(2)
  expect(maxAbsDiff(references[0]!, references[1]!)).toBeLessThanOrEqual(1e-4)
})
