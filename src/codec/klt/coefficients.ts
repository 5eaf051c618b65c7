import { type KltParameters, kltModels } from './klt-parameters.ts'
import { tileCount } from './tile-transform.ts'

/**
 * How codes are chosen: along the trellis, or each rounded by itself with one quantiser, that of the trellis's state 0, which
 * is faster and needs more bytes.
 */
export type Effort = 'trellis' | 'fast'

export interface CoefficientModels {
  /** Of the whole map. */
  readonly coefficients: number
  /** Index among the coefficients, model, lower bits sent raw and step of each coefficient that is sent. */
  readonly sent: Uint32Array<ArrayBuffer>
  readonly contexts: Uint8Array<ArrayBuffer>
  readonly shifts: Uint8Array<ArrayBuffer>
  readonly steps: Float32Array<ArrayBuffer>
  /** Components of which any coefficient is sent are the first so many. */
  readonly components: number
  readonly effort: Effort
}

/** Model 0 is for a mean magnitude of 1/32 step. */
const octavesBelowStep = 5
/** From this model on (mean magnitude above 5.6 steps), and each four further, one more bit is sent raw. */
const firstShiftedModel = 30

/** How each coefficient is coded at a level: only whole numbers decide, so that both ends agree. */
export function coefficientModels(
  parameters: Pick<KltParameters, 'scale' | 'weight' | 'reference'> & Parameters<typeof tileCount>[0],
  level: number,
  effort: Effort = 'trellis',
): CoefficientModels {
  const { scale, weight, reference, tileHeight, tileWidth } = parameters
  const tiles = tileCount(parameters)
  const perTile: { at: number; model: number; step: number }[] = []
  for (let at = 0; at < scale.length; at++) {
    const step = weight[at]! - 2 * level
    const model = (scale[at]! - step + 8 * octavesBelowStep) >> 1
    if (model >= 0)
      perTile.push({ at, model: Math.min(model, kltModels - 1), step: reference * 2 ** (step / 8) })
  }
  const count = perTile.length * tiles
  const models = {
    coefficients: scale.length * tiles,
    sent: new Uint32Array(count),
    contexts: new Uint8Array(count),
    shifts: new Uint8Array(count),
    steps: new Float32Array(count),
    components: 1 + Math.floor((perTile.at(-1)?.at ?? 0) / (tileHeight * tileWidth)),
    effort,
  }
  for (let tile = 0, i = 0; tile < tiles; tile++) {
    for (const { at, model, step } of perTile) {
      models.sent[i] = tile * scale.length + at
      models.contexts[i] = model
      models.shifts[i] = Math.max(0, Math.ceil((model - firstShiftedModel + 1) / 4))
      models.steps[i++] = step
    }
  }
  return models
}
