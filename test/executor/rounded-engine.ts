import { expect } from 'vitest'
import type { Engine } from '../../src/executor/engine.ts'
import { cut, wholeModel } from '../../src/model-graph/cut.ts'
import type { Model } from '../../src/model-graph/model.ts'
import type { Segment } from '../../src/model-graph/segment.ts'
import type { Wound } from '../../src/model-graph/wound.ts'
import type { TensorValue } from '../../src/tensor/tensor-value.ts'
import { bundledPhoto, maxAbsDiff, photoInput } from '../model-input.ts'

/** What a segment gives, in one thread. */
export async function runOnce(
  engine: Engine,
  model: Model,
  segment: Segment,
  inputs: readonly TensorValue[],
): Promise<TensorValue[]> {
  const executable = await engine.compile(model, segment, { threads: 1 })
  const values = await executable.run(inputs)
  await executable.release()
  return [...values]
}

/**
 * Expects an engine in another precision to name three photos as float32 does, with probabilities that differ by less
 * than `most` and somewhere at all.
 * @returns each photo's probabilities in that precision, by its name.
 */
export async function expectSameNames(
  model: Model,
  { rounded, exact }: { readonly rounded: Engine; readonly exact: Engine },
  most: number,
): Promise<Map<string, TensorValue>> {
  const answers = new Map<string, TensorValue>()
  for (const name of ['cat', 'coffee', 'rocket'] as const) {
    const photo = await photoInput(bundledPhoto(name), model.manifest)
    const [near] = await runOnce(rounded, model, wholeModel(model.graph), [photo])
    const [same] = await runOnce(exact, model, wholeModel(model.graph), [photo])
    const best = ({ data }: TensorValue) => data.indexOf(Math.max(...data))
    expect(best(near!), `photo ${name}`).toBe(best(same!))
    const difference = maxAbsDiff(near!.data, same!.data)
    expect(difference, `photo ${name}`).toBeGreaterThan(0)
    expect(difference, `photo ${name}`).toBeLessThan(most)
    answers.set(name, near!)
  }
  return answers
}

/** By wound, how far head and tail of a photo's answer are from the whole. */
export async function cutDifferences(
  engine: Engine,
  model: Model,
  wounds: readonly Wound[],
): Promise<Record<string, number>> {
  const photo = await photoInput(bundledPhoto('cat'), model.manifest)
  const [whole] = await runOnce(engine, model, wholeModel(model.graph), [photo])
  const differences: Record<string, number> = {}
  for (const wound of wounds) {
    const { head, tail } = cut(model.graph, wound)
    const end = await runOnce(engine, model, tail, await runOnce(engine, model, head, [photo]))
    differences[wound.id] = maxAbsDiff(end[0]!.data, whole!.data)
  }
  return differences
}
