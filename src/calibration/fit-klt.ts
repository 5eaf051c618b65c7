import { coefficientModels } from '../codec/klt/coefficients.ts'
import { type KltParameters, kltModels, kltSymbols, zeroSymbol } from '../codec/klt/klt-parameters.ts'
import { coefficientPlace, sharedTransform } from '../codec/klt/map-transform.ts'
import { packKlt, unpackKlt } from '../codec/klt/pack-klt.ts'
import { emphasisFactors, type TileBasis, tileCount } from '../codec/klt/tile-transform.ts'
import { nextState } from '../codec/klt/trellis.ts'
import { fitEmphasis } from './fit-emphasis.ts'
import { channelMeans, fitTransform } from './fit-transform.ts'
import { type Disturb, fitWeights } from './fit-weights.ts'
import { stepsQuantiser } from './quantise-steps.ts'
import { rootMeanSquare } from './root-mean-square.ts'

/** Levels whose codes the models are learned from: the range anyone will use, since a model serves all levels. */
const learnedLevels = [2, 5, 8, 11, 14, 17]
/** More maps would change nothing: each has thousands of coefficients for a few models. */
const mapsForModels = 100
/** Level 8 has steps as wide as the coefficients' root mean square. */
const referencePerRms = 4

/**
 * Learns all that `klt` codecs need of one tensor from its maps.
 * @param shape [channels, height, width]
 * @param disturb see {@link fitWeights}.
 * @param balance see `balanceTensors`; 1 where nothing else crosses.
 */
export async function fitKlt(
  shape: readonly [number, number, number],
  maps: readonly Float32Array[],
  disturb: Disturb,
  balance = 1,
): Promise<KltParameters> {
  const emphasis = await fitEmphasis(shape, maps, disturb)
  const mean = channelMeans(shape[0], shape[1] * shape[2], maps)
  const basis = { ...fitTransform(shape, emphasised(maps, mean, emphasis)), mean, emphasis }
  const coefficients = inOrderOfSending(basis, maps)
  const rms = rootMeanSquare(coefficients)
  const weight = await fitWeights(basis, rms, maps.length, disturb)
  const reference = Math.fround(referencePerRms * rms * balance)
  const scale = meanMagnitudes(basis, coefficients, reference)
  const models = learnModels({ ...basis, scale, weight, reference }, coefficients)
  const { channels, height, width, tileHeight, tileWidth, kept } = basis
  const geometry = { channels, height, width, tileHeight, tileWidth, kept }
  const learned = {
    ...geometry,
    reference,
    mean,
    basis: Float32Array.from(basis.basis),
    spatial: Float32Array.from(basis.spatial),
    scale,
    weight,
    emphasis,
    models,
  }
  return unpackKlt(geometry, packKlt(learned))
}

function inOrderOfSending(basis: TileBasis, maps: readonly Float32Array[]): Float32Array[] {
  const transform = sharedTransform(basis)
  const count = tileCount(basis) * basis.kept * basis.tileHeight * basis.tileWidth
  const places = Uint32Array.from({ length: count }, (_, index) => coefficientPlace(basis, index))
  return maps.map((map) => {
    const coefficients = transform.forward(map)
    return Float32Array.from(places, (place) => coefficients[place]!)
  })
}

/** Maps as the bases see them: without the channels' means, and weighted. */
function emphasised(maps: readonly Float32Array[], mean: Float32Array, emphasis: Int8Array): Float32Array[] {
  const factors = emphasisFactors({ emphasis })
  return maps.map((map) => {
    const out = new Float32Array(map.length)
    for (let i = 0; i < out.length; ) {
      const centre = mean[i / factors.length]!
      for (let place = 0; place < factors.length; place++, i++) out[i] = (map[i]! - centre) * factors[place]!
    }
    return out
  })
}

function meanMagnitudes(
  basis: TileBasis,
  coefficients: readonly Float32Array[],
  reference: number,
): Int8Array<ArrayBuffer> {
  const perTile = basis.kept * basis.tileHeight * basis.tileWidth
  const sums = new Float64Array(perTile)
  let tiles = 0
  for (const map of coefficients) {
    for (let from = 0; from < map.length; from += perTile, tiles++) {
      for (let i = 0; i < perTile; i++) sums[i]! += Math.abs(map[from + i]!)
    }
  }
  return Int8Array.from(sums, (sum) => {
    const eighths = Math.round(8 * Math.log2(Math.max(sum / tiles / reference, 2 ** -15)))
    return Math.max(-120, Math.min(120, eighths))
  })
}

/** Relative weight of the first guess (a two-sided exponential) against the codes seen. */
const priorCount = 40

/** Models of the codes' symbols; of no coefficients the first guess. */
export function learnModels(
  parameters: Parameters<typeof coefficientModels>[0],
  coefficients: readonly Float32Array[],
): Uint8Array<ArrayBuffer> {
  const counts = new Float64Array(2 * kltModels * kltSymbols)
  const every = Math.ceil(coefficients.length / mapsForModels)
  for (const level of learnedLevels) {
    const { sent, contexts, shifts, steps } = coefficientModels(parameters, level)
    const inSteps = new Float32Array(sent.length)
    const quantise = stepsQuantiser(sent.length)
    for (let m = 0; m < coefficients.length; m += every) {
      const map = coefficients[m]!
      for (let i = 0; i < sent.length; i++) inSteps[i] = map[sent[i]!]! / steps[i]!
      const codes = quantise(inSteps)
      let state = 0
      for (let i = 0; i < codes.length; i++) {
        const code = codes[i]!
        const quantiser = state & 1
        state = nextState[2 * state + (code & 1)]!
        const model = contexts[i]!
        const symbol = (code >> shifts[i]!) + zeroSymbol
        counts[(2 * model + quantiser) * kltSymbols + (symbol < 1 || symbol >= kltSymbols ? 0 : symbol)]!++
      }
    }
  }
  const models = new Uint8Array(counts.length)
  for (let table = 0; table < 2 * kltModels; table++) encodeModel(counts, table, models)
  return models
}

/** A model's probabilities with the first guess, as logarithms: see `modelWeight`. */
function encodeModel(counts: Float64Array, table: number, levels: Uint8Array): void {
  const from = table * kltSymbols
  const model = table >> 1
  // Mean magnitude of what this model codes, in units of its symbols.
  const magnitude = 2 ** (model / 4 - 5 - Math.max(0, Math.ceil((model - 29) / 4)))
  const decay = Math.exp(-1 / Math.max(magnitude, 0.15))
  let sum = 0
  for (let s = 0; s < kltSymbols; s++) sum += counts[from + s]!
  let guesses = 0
  for (let s = 1; s < kltSymbols; s++) guesses += decay ** Math.abs(s - 16)
  for (let s = 0; s < kltSymbols; s++) {
    const guess = s === 0 ? 1e-3 : decay ** Math.abs(s - 16) / guesses
    const share = (counts[from + s]! + priorCount * guess) / (sum + priorCount)
    levels[from + s] = Math.max(0, Math.min(255, Math.round(16 * Math.log2(share * 2 ** 15.9))))
  }
}
