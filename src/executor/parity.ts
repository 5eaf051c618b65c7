import { cut, wholeModel } from '../model-graph/cut.ts'
import { borderShape, type GraphTensor, type LayerGraph } from '../model-graph/layer-graph.ts'
import type { Model } from '../model-graph/model.ts'
import type { Wound } from '../model-graph/wound.ts'
import type { Engine, Segment, TensorValue } from './engine.ts'

/** How far head + tail may be from the whole on one engine; outputs are probabilities. */
export const woundTolerance = 1e-4

/** How far two engines may be from each other, relative to the largest output. */
export const engineTolerance = 1e-3

export interface ParityReport {
  readonly checked: number
  readonly maxAbsDiff: number
  /** Wound at which the difference is largest. */
  readonly worst: string
}

/** Repeatable values around 0 without a period, in the tensor's border shape: engines take as long as for any others. */
export function exampleValue(tensor: GraphTensor, amplitude = 1): TensorValue {
  const shape = [1, ...borderShape(tensor)]
  const data = new Float32Array(shape.reduce((product, axis) => product * axis, 1))
  for (let i = 0; i < data.length; i++) data[i] = amplitude * Math.sin(12.9898 * i + Math.sin(i / 97))
  return { shape, data }
}

/** {@link exampleValue} for every input of a model, as strong as its pictures are. */
export function exampleInputs({ graph, manifest }: Pick<Model, 'graph' | 'manifest'>): TensorValue[] {
  // Pixels lie about 64 around their mean: the amplitude of a sine with that deviation.
  const amplitude = (64 * Math.SQRT2) / manifest.input.scale[0]
  return graph.inputs.map((id) => exampleValue(graph.tensors[id]!, amplitude))
}

export interface ParityOptions {
  /** Runs the heads, and the tails where `tailEngine` is absent. */
  readonly engine: Engine
  readonly tailEngine?: Engine
  readonly threads: number
}

/** Compiles a segment, runs it once and frees it. */
export async function runSegment(
  engine: Engine,
  model: Model,
  segment: Segment,
  inputs: readonly TensorValue[],
  threads = 1,
): Promise<TensorValue[]> {
  const executable = await engine.compile(model, segment, { threads })
  try {
    return await executable.run(inputs)
  } finally {
    await executable.release()
  }
}

/** The whole model's outputs for its inputs, computed in one piece. */
export function runWhole(
  model: Model,
  inputs: readonly TensorValue[],
  { engine, threads }: ParityOptions,
): Promise<TensorValue[]> {
  return runSegment(engine, model, wholeModel(model.graph), inputs, threads)
}

/**
 * Cuts a model at each wound, runs head and tail and compares with what the whole gave. One wound after the other:
 * memory for one head and one tail.
 * @param whole The model's outputs for `inputs`.
 */
export async function checkWounds(
  model: Model,
  wounds: readonly Wound[],
  inputs: readonly TensorValue[],
  whole: readonly TensorValue[],
  { engine, tailEngine = engine, threads }: ParityOptions,
): Promise<ParityReport> {
  let report: ParityReport = { checked: 0, maxAbsDiff: 0, worst: '' }
  for (const wound of wounds) {
    const { head, tail } = cut(model.graph, wound)
    const crossing = await runSegment(engine, model, head, inputs, threads)
    const answer =
      tail.layers.length === 0 ? crossing : await runSegment(tailEngine, model, tail, crossing, threads)
    const difference = Math.max(...answer.map((value, i) => largestDifference(value, whole[i]!)))
    const { maxAbsDiff, worst } =
      difference > report.maxAbsDiff ? { maxAbsDiff: difference, worst: wound.id } : report
    report = { checked: report.checked + 1, maxAbsDiff, worst }
  }
  return report
}

/** Largest absolute difference; infinite where lengths differ or a value is not a number. */
export function largestDifference(a: TensorValue, b: TensorValue): number {
  if (a.data.length !== b.data.length) return Number.POSITIVE_INFINITY
  let largest = 0
  for (const [i, value] of a.data.entries()) {
    const difference = Math.abs(value - b.data[i]!)
    // NaN must not pass for agreement.
    if (!(difference <= largest)) largest = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference
  }
  return largest
}

/** {@link largestDifference} of all outputs, relative to the largest value of `reference`. */
export function relativeDifference(
  values: readonly TensorValue[],
  reference: readonly TensorValue[],
): number {
  const largest = Math.max(
    ...reference.map(({ data }) => data.reduce((max, x) => Math.max(max, Math.abs(x)), 0)),
  )
  const difference = Math.max(...reference.map((value, i) => largestDifference(values[i]!, value)))
  return difference === 0 ? 0 : difference / largest
}

/**
 * What head + tail must equal the whole at: wounds at which more than one tensor crosses, sampled evenly. A prefix of
 * the topological order is always down-closed, so each is legal.
 */
export function prefixHeads(graph: LayerGraph, count: number): number[][] {
  const inputs = graph.inputs.map((tensor) => graph.tensors[tensor]!.producer)
  return Array.from({ length: count }, (_, i) => {
    const end = Math.round(((i + 1) * graph.layers.length) / (count + 1))
    return [...new Set([...inputs, ...graph.layers.slice(0, end).map(({ index }) => index)])]
  })
}
