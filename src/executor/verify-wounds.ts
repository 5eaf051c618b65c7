import type { Model } from '../model-graph/model.ts'
import type { Wound } from '../model-graph/wound.ts'
import type { TensorValue } from '../tensor/tensor-value.ts'
import type { Engine } from './engine.ts'
import { checkWounds, largestDifference, type ParityOptions, type ParityReport, runWhole } from './parity.ts'
import { inputsInRange, wholeNumberBounds } from './whole-number-inputs.ts'

export interface VerifiedWounds extends ParityReport {
  /** Outputs that tell nothing, as they are the same for other inputs or hold no number at all. */
  readonly silentOutputs: readonly string[]
  /** Whether no output tells anything, so that nothing was verified. */
  readonly isSilent: boolean
}

/**
 * Cuts a model at each wound, runs head and tail on the engine and compares with the whole, on random values. The
 * difference of an output is divided by its largest finite magnitude where that is above 1.
 * @throws {Error} as the engine words it, where it runs for no values.
 */
export async function verifyWounds(
  model: Model,
  engine: Engine,
  wounds: readonly Wound[],
  options: Pick<ParityOptions, 'threads' | 'onChecked'>,
): Promise<VerifiedWounds> {
  const run = (inputs: readonly TensorValue[]): Promise<TensorValue[]> =>
    runWhole(model, inputs, { engine, ...options })
  const { inputs, whole, bound } = await firstThatRuns(model, run)
  const scales = whole.map(({ data }) =>
    data.reduce((most, value) => (Number.isFinite(value) ? Math.max(most, Math.abs(value)) : most), 1),
  )
  const others = await run(inputsInRange(model, bound, 2))
  const { graph } = model
  const silentOutputs = graph.outputs.flatMap((id, i) => {
    const isSame = largestDifference(whole[i]!, others[i]!) === 0
    return isSame || whole[i]!.data.every(Number.isNaN) ? [graph.tensors[id]!.name] : []
  })
  const report = await checkWounds(model, wounds, inputs, whole, { engine, scales, ...options })
  return { ...report, silentOutputs, isSilent: silentOutputs.length === graph.outputs.length }
}

/** Which whole numbers a model takes it tells by failing for others: a place beyond a table's end. */
async function firstThatRuns(
  model: Model,
  run: (inputs: readonly TensorValue[]) => Promise<TensorValue[]>,
): Promise<{ inputs: TensorValue[]; whole: TensorValue[]; bound: number }> {
  let failure: unknown
  for (const bound of wholeNumberBounds(model)) {
    const inputs = inputsInRange(model, bound, 1)
    try {
      return { inputs, whole: await run(inputs), bound }
    } catch (error) {
      failure = error
    }
  }
  throw failure
}
