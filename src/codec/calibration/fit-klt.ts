import { coefficientModels, quantiseCoefficient } from '../klt/coefficients.ts'
import {
  type KltParameters,
  kltCentroids,
  kltModels,
  kltSymbols,
  packKlt,
  unpackKlt,
} from '../klt/klt-parameters.ts'
import { forwardTransform, type TileBasis } from '../klt/tile-transform.ts'
import { fitTransform } from './fit-transform.ts'
import { type Disturb, fitWeights } from './fit-weights.ts'

/** Levels whose codes the models are learned from: the range anyone will use, since a model serves all levels. */
const learnedLevels = [4, 7, 10, 13, 16, 19]
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
  const basis = fitTransform(shape, maps)
  const coefficients = maps.map((map) => forwardTransform(basis, map))
  const rms = rootMeanSquare(coefficients)
  const weight = await fitWeights(basis, rms, maps.length, disturb)
  const reference = Math.fround(referencePerRms * rms * balance)
  const scale = meanMagnitudes(basis, coefficients, reference)
  const { models, centroids } = learnModels({ ...basis, scale, weight, reference }, coefficients)
  const { channels, height, width, tileHeight, tileWidth, kept } = basis
  const geometry = { channels, height, width, tileHeight, tileWidth, kept }
  const mean = Float32Array.from(basis.mean)
  const learned = {
    ...geometry,
    reference,
    mean,
    basis: Float32Array.from(basis.basis),
    spatial: Float32Array.from(basis.spatial),
    scale,
    weight,
    models,
    centroids,
  }
  return unpackKlt(geometry, packKlt(learned))
}

function rootMeanSquare(coefficients: readonly Float32Array[]): number {
  let sum = 0
  let count = 0
  for (const map of coefficients) {
    for (let i = 0; i < map.length; i++) sum += map[i]! * map[i]!
    count += map.length
  }
  return Math.max(Math.sqrt(sum / count), 1e-20)
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

function learnModels(
  parameters: Parameters<typeof coefficientModels>[0],
  coefficients: readonly Float32Array[],
): Pick<KltParameters, 'models' | 'centroids'> {
  const counts = new Float64Array(kltModels * kltSymbols)
  const excess = new Float64Array(kltModels * kltCentroids)
  const seen = new Float64Array(kltModels * kltCentroids).fill(20)
  for (const level of learnedLevels) {
    const { sent, contexts, shifts, steps } = coefficientModels(parameters, level)
    for (const map of coefficients) {
      for (let i = 0; i < sent.length; i++) {
        const inSteps = map[sent[i]!]! / steps[i]!
        const code = quantiseCoefficient(inSteps)
        const upper = code >> shifts[i]!
        const model = contexts[i]!
        counts[model * kltSymbols + (upper < -15 || upper > 15 ? 0 : upper + 16)]!++
        if (shifts[i] !== 0 || code === 0) continue
        const at = model * kltCentroids + Math.min(kltCentroids, Math.abs(code)) - 1
        excess[at]! += Math.abs(inSteps) - Math.abs(code)
        seen[at]!++
      }
    }
  }
  const models = new Uint8Array(counts.length)
  for (let model = 0; model < kltModels; model++) encodeModel(counts, model, models)
  const centroids = Int8Array.from(excess, (sum, i) =>
    Math.max(-64, Math.min(64, Math.round((128 * sum) / seen[i]!))),
  )
  return { models, centroids }
}

/** A model's probabilities with the first guess, as logarithms: see `modelWeight`. */
function encodeModel(counts: Float64Array, model: number, levels: Uint8Array): void {
  const from = model * kltSymbols
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
