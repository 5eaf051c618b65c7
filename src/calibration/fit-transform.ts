import { float16Codec } from '../codec/float16.ts'
import { addGram } from '../codec/klt/row-products.ts'
import { forwardTransform, type TileBasis } from '../codec/klt/tile-transform.ts'
import { symmetricEigen } from './symmetric-eigen.ts'

/** Longest side of a tile: larger ones gain little and their basis grows with the fourth power. */
const longestTile = 16
/** Share of the variance that may be dropped with the weakest components: little beside what fine levels lose. */
const droppedVariance = 5e-5
/** Bounds the work: multiply-accumulates for one covariance, some 10 s. */
const covarianceWork = 2e10
/** Places whose products are added at a time: a covariance of 2048 channels is larger than any cache. */
const placesPerPass = 512

/** Learning is in the third power of the channels, and so many weigh 11 MB in base64: see docs/codec.md. */
export const mostKltChannels = 2048

/**
 * The Karhunen-Loeve bases of maps of one shape: eigenvectors of the channels' covariance over all places, then of the
 * places' covariance within a tile over all components. Rounded to binary16, as they are kept.
 * @param shape [channels, height, width]
 */
export function fitTransform(
  shape: readonly [number, number, number],
  maps: readonly Float32Array[],
): TileBasis {
  const [channels, height, width] = shape
  const tileHeight = Math.ceil(height / Math.ceil(height / longestTile))
  const tileWidth = Math.ceil(width / Math.ceil(width / longestTile))
  const mean = channelMeans(channels, height * width, maps)
  const { values, vectors } = symmetricEigen(
    channelCovariance(channels, height * width, maps, mean),
    channels,
  )
  const kept = keptComponents(values)
  const basis = toHalf(Float32Array.from(vectors.subarray(0, kept * channels)))
  const geometry = { channels, height, width, tileHeight, tileWidth, kept }
  const area = tileHeight * tileWidth
  const flat = { spatial: identity(area), emphasis: new Int8Array(height * width) }
  const plain: TileBasis = { ...geometry, mean, basis, ...flat }
  const spatial = toHalf(Float32Array.from(symmetricEigen(placeCovariance(plain, maps), area).vectors))
  return { ...plain, spatial }
}

export function channelMeans(
  channels: number,
  area: number,
  maps: readonly Float32Array[],
): Float32Array<ArrayBuffer> {
  const sums = new Float64Array(channels)
  for (const map of maps) {
    for (let c = 0, at = 0; c < channels; c++)
      for (const end = at + area; at < end; at++) sums[c]! += map[at]!
  }
  return Float32Array.from(sums, (sum) => sum / (area * maps.length))
}

function channelCovariance(
  channels: number,
  area: number,
  maps: readonly Float32Array[],
  mean: Float32Array,
): Float64Array {
  const covariance = new Float64Array(channels * channels)
  const stride = Math.max(1, Math.round((maps.length * area * channels * channels) / 2 / covarianceWork))
  const places = Math.ceil(area / stride)
  const together = Math.max(1, Math.floor(placesPerPass / places))
  for (let first = 0; first < maps.length; first += together) {
    const some = maps.slice(first, first + together)
    const centred = new Float64Array(channels * some.length * places)
    for (let c = 0, at = 0; c < channels; c++) {
      for (const [m, map] of some.entries()) {
        const offset = (first + m) % stride
        for (let p = 0; p < places; p++)
          centred[at++] = map[c * area + Math.min(area - 1, p * stride + offset)]! - mean[c]!
      }
    }
    addGram(centred, channels, some.length * places, covariance)
  }
  mirror(covariance, channels)
  return covariance
}

function placeCovariance(plain: TileBasis, maps: readonly Float32Array[]): Float64Array {
  const area = plain.tileHeight * plain.tileWidth
  const covariance = new Float64Array(area * area)
  const transform = plain.kept * plain.height * plain.width * (plain.channels + 2 * area)
  const every = Math.max(1, Math.ceil((maps.length * transform) / covarianceWork))
  for (let m = 0; m < maps.length; m += every) {
    const rows = forwardTransform(plain, maps[m]!)
    const columns = new Float64Array(rows.length)
    const count = rows.length / area
    for (let r = 0; r < count; r++)
      for (let p = 0; p < area; p++) columns[p * count + r] = rows[r * area + p]!
    addGram(columns, area, count, covariance)
  }
  mirror(covariance, area)
  return covariance
}

function mirror(matrix: Float64Array, n: number): void {
  for (let a = 0; a < n; a++) for (let b = 0; b < a; b++) matrix[b * n + a] = matrix[a * n + b]!
}

function keptComponents(values: Float64Array): number {
  const total = values.reduce((sum, value) => sum + Math.max(0, value), 0)
  let rest = total
  for (let k = 0; k < values.length; k++) {
    if (rest <= droppedVariance * total) return Math.max(1, k)
    rest -= Math.max(0, values[k]!)
  }
  return values.length
}

function identity(n: number): Float32Array<ArrayBuffer> {
  const matrix = new Float32Array(n * n)
  for (let i = 0; i < n; i++) matrix[i * n + i] = 1
  return matrix
}

function toHalf(data: Float32Array<ArrayBuffer>): Float32Array<ArrayBuffer> {
  const shape = [data.length]
  return float16Codec.decode(float16Codec.encode({ shape, data }), shape).data
}
