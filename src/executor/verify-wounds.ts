import { cut, wholeModel } from '../model-graph/cut.ts'
import type { Model } from '../model-graph/model.ts'
import type { Wound } from '../model-graph/wound.ts'
import type { Engine, Segment, TensorValue } from './engine.ts'
import { randomInputs } from './random-inputs.ts'

export interface VerifyOptions {
  readonly threads: number
  /** Called after each wound. */
  readonly onChecked?: (checked: number) => void
}

export interface VerifiedWounds {
  readonly checked: number
  /** Largest difference of any output value between head then tail and the whole. */
  readonly maxAbsDiff: number
  /** The wound with that difference. */
  readonly worst: string
  /** Largest magnitude among the whole model's outputs, to judge the difference by. */
  readonly outputRange: number
}

/** Cuts a model at each wound, runs head and tail on the engine and compares with the whole, on a random picture. */
export async function verifyWounds(
  model: Model,
  engine: Engine,
  wounds: readonly Wound[],
  { threads, onChecked }: VerifyOptions,
): Promise<VerifiedWounds> {
  const inputs = randomInputs(model, 1)
  const run = async (segment: Segment, values: readonly TensorValue[]): Promise<TensorValue[]> => {
    const executable = await engine.compile(model, segment, { threads })
    try {
      return await executable.run(values)
    } finally {
      await executable.release()
    }
  }
  const whole = await run(wholeModel(model.graph), inputs)
  const outputRange = whole.reduce(
    (most, { data }) => data.reduce((a, b) => Math.max(a, Math.abs(b)), most),
    0,
  )
  let maxAbsDiff = 0
  let worst = ''
  for (const [position, wound] of wounds.entries()) {
    const { head, tail } = cut(model.graph, wound)
    const crossing = await run(head, inputs)
    const pieces = tail.layers.length === 0 ? crossing : await run(tail, crossing)
    const difference = largestDifference(whole, pieces)
    if (difference > maxAbsDiff) {
      maxAbsDiff = difference
      worst = wound.id
    }
    onChecked?.(position + 1)
  }
  return { checked: wounds.length, maxAbsDiff, worst, outputRange }
}

function largestDifference(whole: readonly TensorValue[], pieces: readonly TensorValue[]): number {
  return whole.reduce((most, { data }, output) => {
    const other = pieces[output]!.data
    if (other.length !== data.length) return Infinity
    return data.reduce((largest, value, i) => {
      const difference = Math.abs(value - other[i]!)
      // What is not a number is as wrong as can be.
      return Number.isNaN(difference) ? Infinity : Math.max(largest, difference)
    }, most)
  }, 0)
}
