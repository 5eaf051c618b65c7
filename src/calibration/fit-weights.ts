import { coefficientCount, coefficientPlace, sharedTransform } from '../codec/klt/map-transform.ts'
import { type TileBasis, tileCount } from '../codec/klt/tile-transform.ts'
import { leastSquares } from './least-squares.ts'
import { noiseSigns } from './noise-signs.ts'

/** Bands of coefficients grow by this factor: sensitivity falls smoothly with the rank of component and pattern. */
const bandGrowth = 1.8
/** Maps that each band is tried on, fewer where there are so many bands that it would take more runs of the tail. */
const mapsPerBand = 24
const mostRuns = 2000
/** Eighths of an octave that a weight may be away from the mean. */
const mostWeight = 48

/** Noise that is added to the map of that index. */
export interface Disturbed {
  readonly index: number
  readonly noise: Float32Array<ArrayBuffer>
}

/** How far the outputs move (divergences, nats, summed) when noise is added to some maps, each by itself. */
export type Disturb = (disturbed: readonly Disturbed[]) => Promise<number>

/**
 * Steps by sensitivity. White noise of known power is added to one band of coefficients at a time and the divergence
 * of the output measured; a surface quadratic in log component and log pattern is fitted to log divergence per power.
 * At a given rate the output suffers least when every coefficient's step is in inverse proportion to the root of its
 * sensitivity. Resolves with kept x area weights, log2 in eighths, of mean 0.
 */
export async function fitWeights(
  basis: TileBasis,
  rms: number,
  maps: number,
  disturb: Disturb,
): Promise<Int8Array<ArrayBuffer>> {
  const area = basis.tileHeight * basis.tileWidth
  const rows: number[][] = []
  const targets: number[] = []
  const random = noiseSigns(1)
  const components = bands(basis.kept)
  const patterns = bands(area)
  const used = Math.min(maps, mapsPerBand, Math.ceil(mostRuns / components.length / patterns.length))
  // Noise has no mean to be put back.
  const transform = sharedTransform({ ...basis, mean: new Float32Array(basis.channels) })
  const tiles = tileCount(basis)
  for (const [k0, k1] of components) {
    for (const [f0, f1] of patterns) {
      const size = (k1 - k0) * (f1 - f0)
      const amplitude = rms * Math.min(4, Math.sqrt(300 / size))
      const noise = new Float32Array(coefficientCount(basis))
      const disturbed: Disturbed[] = []
      for (let m = 0; m < used; m++) {
        for (let t = 0; t < tiles; t++) {
          for (let k = k0; k < k1; k++) {
            for (let f = f0; f < f1; f++)
              noise[coefficientPlace(basis, (t * basis.kept + k) * area + f)] = amplitude * random()
          }
        }
        disturbed.push({ index: Math.floor((m * maps) / used), noise: transform.inverse(noise) })
      }
      const sum = await disturb(disturbed)
      if (sum <= 0) continue
      rows.push(surface(Math.sqrt((k0 + 0.5) * (k1 - 0.5)), Math.sqrt((f0 + 0.5) * (f1 - 0.5))))
      targets.push(Math.log2(sum / used / (amplitude * amplitude * size)))
    }
  }
  const weights = new Float64Array(basis.kept * area)
  if (rows.length >= 6) {
    const fitted = leastSquares(rows, targets, 0.01)
    for (let i = 0; i < weights.length; i++) {
      const sensitivity = surface(Math.floor(i / area), i % area).reduce(
        (sum, x, j) => sum + x * fitted[j]!,
        0,
      )
      weights[i] = -4 * sensitivity
    }
  }
  const mean = weights.reduce((sum, weight) => sum + weight, 0) / weights.length
  return Int8Array.from(weights, (weight) =>
    Math.max(-mostWeight, Math.min(mostWeight, Math.round(weight - mean))),
  )
}

function surface(component: number, pattern: number): number[] {
  const u = Math.log(component + 2)
  const v = Math.log(pattern + 2)
  return [1, u, v, u * u, v * v, u * v]
}

function bands(n: number): [number, number][] {
  const edges = [0]
  for (let edge = 1; edge < n; edge = Math.max(edge + 1, edge * bandGrowth)) edges.push(Math.round(edge))
  const unique = [...new Set([...edges, n])]
  return unique.slice(1).map((end, i) => [unique[i]!, end])
}
