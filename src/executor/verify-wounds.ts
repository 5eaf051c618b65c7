import type { Model } from '../model-graph/model.ts'
import type { Wound } from '../model-graph/wound.ts'
import type { Engine } from './engine.ts'
import { checkWounds, type ParityOptions, type ParityReport, runWhole } from './parity.ts'
import { randomInputs } from './random-inputs.ts'

export interface VerifiedWounds extends ParityReport {
  /** Largest magnitude among the whole model's outputs, to judge the difference by. */
  readonly outputRange: number
}

/** Cuts a model at each wound, runs head and tail on the engine and compares with the whole, on a random picture. */
export async function verifyWounds(
  model: Model,
  engine: Engine,
  wounds: readonly Wound[],
  options: Pick<ParityOptions, 'threads' | 'onChecked'>,
): Promise<VerifiedWounds> {
  const inputs = randomInputs(model, 1)
  const whole = await runWhole(model, inputs, { engine, ...options })
  const outputRange = whole.reduce(
    (most, { data }) => data.reduce((a, b) => Math.max(a, Math.abs(b)), most),
    0,
  )
  return { ...(await checkWounds(model, wounds, inputs, whole, { engine, ...options })), outputRange }
}
