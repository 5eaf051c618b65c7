import { cut, divide, wholeModel } from '../model-graph/cut.ts'
import { borderShape, type GraphTensor, type LayerGraph } from '../model-graph/layer-graph.ts'
import { pictureOf } from '../model-graph/manifest.ts'
import type { Model } from '../model-graph/model.ts'
import type { Segment } from '../model-graph/segment.ts'
import type { Wound } from '../model-graph/wound.ts'
import { elementCount } from '../tensor/element-count.ts'
import type { TensorValue } from '../tensor/tensor-value.ts'
import type { Engine } from './engine.ts'

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
function exampleValue(tensor: GraphTensor, amplitude = 1): TensorValue {
  const shape = [1, ...borderShape(tensor)]
  const data = new Float32Array(elementCount(shape))
  for (let i = 0; i < data.length; i++) data[i] = amplitude * Math.sin(12.9898 * i + Math.sin(i / 97))
  return { shape, data }
}

/** {@link exampleValue} for every input of a model, as strong as its pictures are. */
export function exampleInputs({ graph, manifest }: Pick<Model, 'graph' | 'manifest'>): TensorValue[] {
  // Pixels lie about 64 around their mean: the amplitude of a sine with that deviation.
  const amplitude = pictureOf(manifest) === undefined ? 1 : (64 * Math.SQRT2) / pictureOf(manifest)!.scale[0]
  return graph.inputs.map((id) => exampleValue(graph.tensors[id]!, amplitude))
}

/** {@link exampleInputs} in the order in which they cross at the wound `input`. */
export function crossingExamples(model: Pick<Model, 'graph' | 'manifest'>): TensorValue[] {
  const { inputs } = model.graph
  const values = exampleInputs(model)
  return inputs.toSorted((a, b) => a - b).map((id) => values[inputs.indexOf(id)]!)
}

export interface ParityOptions {
  /** Runs the heads, and the tails where `tailEngine` is absent. */
  readonly engine: Engine
  readonly tailEngine?: Engine
  readonly threads: number
  /** For each output: what its difference is divided by; 1 where absent. */
  readonly scales?: readonly number[]
  /** Called after each wound. */
  readonly onChecked?: (checked: number) => void
}

/** The model with its weights read or made once: what compiles dozens of parts spends half of its time on that else. */
export async function withWeightsHeld(model: Model): Promise<Model> {
  const values = new Map<string, Float32Array<ArrayBuffer>>()
  for (const { name } of model.graph.layers.flatMap(({ weights }) => weights)) {
    values.set(name, await model.weights.read(name))
  }
  return {
    ...model,
    weights: { ...model.weights, read: (name) => Promise.resolve(values.get(name)!.slice()) },
  }
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
  options: ParityOptions,
): Promise<ParityReport> {
  const { engine, threads } = options
  return checkTails(model, wounds, whole, options, (wound) =>
    runSegment(engine, model, cut(model.graph, wound).head, inputs, threads),
  )
}

/**
 * As {@link checkWounds}, of nested wounds and for half the work: what crosses at a wound is computed from what crossed
 * at the one before, as by a chain of segments.
 * @param wounds From the smallest head to the largest.
 */
export async function checkNestedWounds(
  model: Model,
  wounds: readonly Wound[],
  inputs: readonly TensorValue[],
  whole: readonly TensorValue[],
  options: ParityOptions,
): Promise<ParityReport> {
  const { engine, threads } = options
  const segments = divide(model.graph, wounds)
  const values = new Map(model.graph.inputs.map((id, i) => [id, inputs[i]!]))
  return checkTails(model, wounds, whole, options, async ({ tensors }, i) => {
    const segment = segments[i]!
    const given = segment.inputs.map((id) => values.get(id)!)
    const made = await runSegment(engine, model, segment, given, threads)
    for (const [n, id] of segment.outputs.entries()) values.set(id, made[n]!)
    return tensors.map((id) => values.get(id)!)
  })
}

/** @param crossingAt The values that cross at the i-th wound; for `local` the model's outputs. */
async function checkTails(
  model: Model,
  wounds: readonly Wound[],
  whole: readonly TensorValue[],
  { engine, tailEngine = engine, threads, scales, onChecked }: ParityOptions,
  crossingAt: (wound: Wound, i: number) => Promise<TensorValue[]>,
): Promise<ParityReport> {
  let report: ParityReport = { checked: 0, maxAbsDiff: 0, worst: '' }
  for (const [i, wound] of wounds.entries()) {
    const { tail } = cut(model.graph, wound)
    const crossing = await crossingAt(wound, i)
    const answer =
      tail.layers.length === 0 ? crossing : await runSegment(tailEngine, model, tail, crossing, threads)
    const difference = Math.max(
      ...answer.map((value, n) => largestDifference(value, whole[n]!) / (scales?.[n] ?? 1)),
    )
    const { maxAbsDiff, worst } =
      difference > report.maxAbsDiff ? { maxAbsDiff: difference, worst: wound.id } : report
    report = { checked: report.checked + 1, maxAbsDiff, worst }
    onChecked?.(report.checked)
  }
  return report
}

export interface EngineAgreement {
  /** Of the whole model's outputs, relative to the largest of the reference. */
  readonly relativeDifference: number
  /** Head on one engine and tail on the other, and the other way round. */
  readonly cut: ParityReport
}

/**
 * Runs a model on another engine, and cut between the two.
 * @param whole The model's outputs for `inputs` on `reference`.
 */
export async function compareEngines(
  model: Model,
  wounds: readonly Wound[],
  inputs: readonly TensorValue[],
  whole: readonly TensorValue[],
  { reference, other, threads }: { reference: Engine; other: Engine; threads: number },
): Promise<EngineAgreement> {
  const own = await runWhole(model, inputs, { engine: other, threads })
  const [there, back] = [
    await checkWounds(model, wounds, inputs, whole, { engine: reference, tailEngine: other, threads }),
    await checkWounds(model, wounds, inputs, whole, { engine: other, tailEngine: reference, threads }),
  ]
  const worse = there.maxAbsDiff > back.maxAbsDiff ? there : back
  return {
    relativeDifference: relativeDifference(own, whole),
    cut: { ...worse, checked: there.checked + back.checked },
  }
}

/** Classes a probability distribution is spread over, as exp(entropy): 1 for a single one, all of them for equal ones. */
export function perplexity({ data }: TensorValue): number {
  return Math.exp(-data.reduce((sum, p) => (p > 0 ? sum + p * Math.log(p) : sum), 0))
}

/**
 * Largest absolute difference. Infinities and NaN must be the same ones in the same places, and shapes equal: else it is
 * infinite.
 */
export function largestDifference(a: TensorValue, b: TensorValue): number {
  if (a.shape.join() !== b.shape.join() || a.data.length !== b.data.length) return Number.POSITIVE_INFINITY
  let largest = 0
  for (const [i, value] of a.data.entries()) {
    if (Object.is(value, b.data[i])) continue
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
