import type { KltShape } from './klt-parameters.ts'
import { addRowProducts } from './row-products.ts'

/** The linear part of the parameters. */
export interface TileBasis extends KltShape {
  readonly mean: Float32Array
  readonly basis: Float32Array
  readonly spatial: Float32Array
  readonly emphasis: Int8Array
}

export function tileCount({ height, width, tileHeight, tileWidth }: KltShape): number {
  return Math.ceil(height / tileHeight) * Math.ceil(width / tileWidth)
}

/** Rows of a matrix that are made binary64 and multiplied at a time: a block of 2048 columns stays in the cache. */
const blockRows = 32

/**
 * Coefficients of a map, tile x component x pattern: the mean is taken off, each place multiplied by its emphasis, then
 * the channels' basis is applied at every place and the spatial one to every component of a tile. O(values x (kept +
 * area)).
 * @param map channels x height x width.
 */
export function forwardTransform(shape: TileBasis, map: Float32Array): Float32Array<ArrayBuffer> {
  const { channels, kept, tileHeight, tileWidth } = shape
  const area = tileHeight * tileWidth
  const emphasis = emphasisFactors(shape)
  const out = new Float32Array(tileCount(shape) * kept * area)
  const spatial = Float64Array.from(shape.spatial)
  const tile = new Float64Array(area * channels)
  const factors = new Float64Array(blockRows * channels)
  const mixed = new Float64Array(blockRows * area)
  const rotated = new Float64Array(blockRows * area)
  let at = 0
  for (const [top, left] of tileCorners(shape)) {
    readTile(shape, map, top, left, emphasis, tile)
    for (let k = 0; k < kept; k += blockRows) {
      const rows = Math.min(blockRows, kept - k)
      factors.set(shape.basis.subarray(k * channels, (k + rows) * channels))
      mixed.fill(0)
      addRowProducts(factors, rows, tile, area, channels, mixed)
      rotated.fill(0)
      addRowProducts(mixed, rows, spatial, area, area, rotated)
      out.set(rows === blockRows ? rotated : rotated.subarray(0, rows * area), at)
      at += rows * area
    }
  }
  return out
}

/** The map of which these are the coefficients, up to the components that are not kept. */
export function inverseTransform(shape: TileBasis, coefficients: Float32Array): Float32Array<ArrayBuffer> {
  const { channels, height, width, kept, tileHeight, tileWidth, spatial, basis } = shape
  const area = tileHeight * tileWidth
  const map = new Float32Array(channels * height * width)
  const tile = new Float32Array(channels * area)
  const component = new Float64Array(area)
  // Components with a coefficient that is not zero, and their maps: place x component.
  const active = new Int32Array(kept)
  const components = new Float64Array(area * kept)
  const factors = new Float64Array(blockRows * kept)
  const sums = new Float64Array(blockRows * area)
  let at = 0
  for (const [top, left] of tileCorners(shape)) {
    const count = findActive(coefficients, at, kept, area, active)
    for (let i = 0; i < count; i++) {
      component.fill(0)
      const from = at + active[i]! * area
      for (let f = 0; f < area; f++) {
        const value = coefficients[from + f]!
        if (value === 0) continue
        const row = f * area
        for (let p = 0; p < area; p++) component[p] = component[p]! + value * spatial[row + p]!
      }
      for (let p = 0; p < area; p++) components[p * count + i] = component[p]!
    }
    at += kept * area
    for (let c = 0; c < channels; c += blockRows) {
      const rows = Math.min(blockRows, channels - c)
      for (let i = 0; i < count; i++) {
        const from = active[i]! * channels + c
        for (let r = 0; r < rows; r++) factors[r * count + i] = basis[from + r]!
      }
      sums.fill(0)
      addRowProducts(factors, rows, components, area, count, sums)
      tile.set(rows === blockRows ? sums : sums.subarray(0, rows * area), c * area)
    }
    writeTile(shape, tile, top, left, map)
  }
  restore(shape, map)
  return map
}

/** Writes the indices of the components of a tile that are not all zero; returns their number. */
function findActive(
  coefficients: Float32Array,
  from: number,
  kept: number,
  area: number,
  active: Int32Array,
): number {
  let count = 0
  for (let k = 0; k < kept; k++) {
    let f = from + k * area
    const end = f + area
    while (f < end && coefficients[f] === 0) f++
    if (f < end) active[count++] = k
  }
  return count
}

export function tileCorners({ height, width, tileHeight, tileWidth }: KltShape): [number, number][] {
  const corners: [number, number][] = []
  for (let top = 0; top < height; top += tileHeight) {
    for (let left = 0; left < width; left += tileWidth) corners.push([top, left])
  }
  return corners
}

/** What each place's values are multiplied by. */
export function emphasisFactors({ emphasis }: Pick<TileBasis, 'emphasis'>): Float32Array<ArrayBuffer> {
  return Float32Array.from(emphasis, (eighths) => 2 ** (eighths / 8))
}

/** The tile's values less the channels' means, times the emphasis, place x channel; places beyond the border repeat it. */
function readTile(
  shape: TileBasis,
  map: Float32Array,
  top: number,
  left: number,
  emphasis: Float32Array,
  tile: Float64Array,
): void {
  const { channels, height, width, tileHeight, tileWidth, mean } = shape
  const area = height * width
  let at = 0
  for (let y = 0; y < tileHeight; y++) {
    const row = Math.min(height - 1, top + y) * width
    for (let x = 0; x < tileWidth; x++) {
      const place = row + Math.min(width - 1, left + x)
      const factor = emphasis[place]!
      for (let c = 0; c < channels; c++) tile[at++] = (map[c * area + place]! - mean[c]!) * factor
    }
  }
}

/** Undoes emphasis and mean, in place. */
function restore(shape: TileBasis, map: Float32Array): void {
  const inverse = emphasisFactors(shape).map((factor) => 1 / factor)
  for (let c = 0, at = 0; c < shape.channels; c++) {
    const mean = shape.mean[c]!
    for (let place = 0; place < inverse.length; place++, at++) map[at] = map[at]! * inverse[place]! + mean
  }
}

function writeTile(shape: KltShape, tile: Float32Array, top: number, left: number, map: Float32Array): void {
  const { channels, height, width, tileHeight, tileWidth } = shape
  const rows = Math.min(tileHeight, height - top)
  const columns = Math.min(tileWidth, width - left)
  for (let c = 0; c < channels; c++) {
    for (let y = 0; y < rows; y++) {
      const from = (c * tileHeight + y) * tileWidth
      map.set(tile.subarray(from, from + columns), (c * height + top + y) * width + left)
    }
  }
}
