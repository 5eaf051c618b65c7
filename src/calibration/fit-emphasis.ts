import type { Disturb, Disturbed } from './fit-weights.ts'
import { leastSquares } from './least-squares.ts'
import { noiseSigns } from './noise-signs.ts'
import { rootMeanSquare } from './root-mean-square.ts'

/** The map is divided into at most so many blocks a side. */
const blocksPerSide = 7
/** Maps that each block is tried on. */
const mapsPerBlock = 24
/** Noise in one block: this share of the map's root mean square on 2 x 2 places, and as much power on other sizes. */
const noiseShare = 0.7
/**
 * Eighths of an octave for a factor of 2 in sensitivity. The root would be 4; a little less
 * needed fewer bytes for the same divergence in trials.
 */
const eighthsPerOctave = 3
/** Eighths of an octave that a place may be away from the mean. */
const mostEmphasis = 24

/**
 * How much more the values at a place matter than those at others: noise is added to one block of places at a time and
 * the divergence of the output measured; a smooth surface is fitted to log divergence per power. Were
 * values multiplied by the root of that, the same noise everywhere would make the output suffer least (as with
 * `fitWeights`). Resolves with log2 in eighths of the multipliers, height x width, of mean 0.
 */
export async function fitEmphasis(
  [channels, height, width]: readonly [number, number, number],
  maps: readonly Float32Array[],
  disturb: Disturb,
): Promise<Int8Array<ArrayBuffer>> {
  const area = height * width
  const rms = rootMeanSquare(maps)
  const rows: number[][] = []
  const targets: number[] = []
  const random = noiseSigns(12_345)
  const used = Math.min(maps.length, mapsPerBlock)
  for (const [top, bottom] of parts(height)) {
    for (const [left, right] of parts(width)) {
      const places = (bottom - top) * (right - left)
      const amplitude = noiseShare * rms * Math.sqrt(4 / places)
      const disturbed: Disturbed[] = []
      for (let m = 0; m < used; m++) {
        const noise = new Float32Array(channels * area)
        for (let c = 0; c < channels; c++) {
          for (let y = top; y < bottom; y++)
            for (let x = left; x < right; x++) noise[c * area + y * width + x] = amplitude * random()
        }
        disturbed.push({ index: Math.floor((m * maps.length) / used), noise })
      }
      const sum = await disturb(disturbed)
      if (sum <= 0) continue
      rows.push(surface((top + bottom) / height - 1, (left + right) / width - 1))
      targets.push(Math.log2(sum / used / (amplitude * amplitude * places)))
    }
  }
  if (rows.length <= surface(0, 0).length) return new Int8Array(area)
  const fitted = leastSquares(rows, targets, 0.01)
  const eighths = Float64Array.from({ length: area }, (_, place) => {
    const at = surface(
      (2 * Math.floor(place / width) + 1) / height - 1,
      (2 * (place % width) + 1) / width - 1,
    )
    return eighthsPerOctave * at.reduce((sum, x, j) => sum + x * fitted[j]!, 0)
  })
  const mean = eighths.reduce((sum, value) => sum + value, 0) / area
  return Int8Array.from(eighths, (value) =>
    Math.max(-mostEmphasis, Math.min(mostEmphasis, Math.round(value - mean))),
  )
}

/** Of a place, both coordinates from -1 to 1: flat in the middle, steep at the border where need be. */
function surface(y: number, x: number): number[] {
  return [1, x, y, x * x, y * y, x * x * y * y, x ** 4, y ** 4]
}

function parts(side: number): [number, number][] {
  const count = Math.min(blocksPerSide, side)
  const edge = (i: number) => Math.floor((i * side) / count)
  return Array.from({ length: count }, (_, i) => [edge(i), edge(i + 1)])
}
