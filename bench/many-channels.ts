import { learnModels } from '../src/calibration/fit-klt.ts'
import type { KltParameters } from '../src/codec/klt/klt-parameters.ts'

/**
 * Parameters as of ResNet50 after its fourth stage, 14 x 14 x 1024, without a calibration: cosines for bases, magnitudes that fall
 * as its spectrum does, so that the levels need about as many bytes.
 */
export function manyChannels(): KltParameters {
  const [channels, side] = [1024, 14]
  const area = side * side
  const across = cosines(side)
  const geometry = { channels, height: side, width: side, tileHeight: side, tileWidth: side, kept: channels }
  const scale = Int8Array.from({ length: channels * area }, (_, i) => {
    const [component, pattern] = [Math.floor(i / area), i % area]
    return Math.max(-120, -8 * (0.5 * Math.log2(component + 1) + 0.35 * Math.log2(pattern + 1)) + 20)
  })
  const weight = new Int8Array(scale.length)
  const coded = { ...geometry, reference: 1, scale, weight }
  return {
    ...coded,
    mean: new Float32Array(channels),
    basis: cosines(channels),
    spatial: Float32Array.from({ length: area * area }, (_, i) => {
      const [f, p] = [Math.floor(i / area), i % area]
      const [fy, fx, y, x] = [Math.floor(f / side), f % side, Math.floor(p / side), p % side]
      return across[fy * side + y]! * across[fx * side + x]!
    }),
    emphasis: new Int8Array(area),
    models: learnModels(coded, []),
    hash: 0,
  }
}

/** The orthonormal cosine transform's matrix. */
function cosines(n: number): Float32Array<ArrayBuffer> {
  return Float32Array.from({ length: n * n }, (_, i) => {
    const [row, column] = [Math.floor(i / n), i % n]
    return Math.sqrt((row === 0 ? 1 : 2) / n) * Math.cos((Math.PI * row * (2 * column + 1)) / 2 / n)
  })
}
