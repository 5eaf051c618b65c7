import type { KltShape } from './klt-parameters.ts'

/** The linear part of the parameters. */
export interface TileBasis extends KltShape {
  readonly mean: Float32Array
  readonly basis: Float32Array
  readonly spatial: Float32Array
}

export function tileCount({ height, width, tileHeight, tileWidth }: KltShape): number {
  return Math.ceil(height / tileHeight) * Math.ceil(width / tileWidth)
}

/**
 * Coefficients of a map, tile x component x pattern: the channels' basis is applied at every place, then the spatial
 * one to every component of a tile. O(values x (kept + area)).
 * @param map channels x height x width.
 */
export function forwardTransform(shape: TileBasis, map: Float32Array): Float32Array<ArrayBuffer> {
  const { kept, tileHeight, tileWidth, spatial } = shape
  const area = tileHeight * tileWidth
  const out = new Float32Array(tileCount(shape) * kept * area)
  const tile = new Float32Array(shape.channels * area)
  const mixed = new Float64Array(area)
  let at = 0
  for (const [top, left] of tileCorners(shape)) {
    readTile(shape, map, top, left, tile)
    for (let k = 0; k < kept; k++) {
      weightedSum(tile, shape.channels, area, shape.basis, k * shape.channels, mixed)
      products(spatial, area, mixed, out, at)
      at += area
    }
  }
  return out
}

/** The map of which these are the coefficients, up to the components that are not kept. */
export function inverseTransform(shape: TileBasis, coefficients: Float32Array): Float32Array<ArrayBuffer> {
  const { channels, height, width, kept, tileHeight, tileWidth, spatial, mean } = shape
  const area = tileHeight * tileWidth
  const map = new Float32Array(channels * height * width)
  const tile = new Float32Array(channels * area)
  // Components with a coefficient that is not zero: their maps, and what each channel takes of them.
  const components = new Float32Array(kept * area)
  const active = new Int32Array(kept)
  const factors = new Float32Array(kept)
  const sums = new Float64Array(area)
  let at = 0
  for (const [top, left] of tileCorners(shape)) {
    let count = 0
    for (let k = 0; k < kept; k++) {
      let silent = true
      const component = count * area
      for (let f = 0; f < area; f++) {
        const value = coefficients[at++]!
        if (value === 0) continue
        if (silent) components.fill(0, component, component + area)
        silent = false
        const row = f * area
        for (let p = 0; p < area; p++)
          components[component + p] = components[component + p]! + value * spatial[row + p]!
      }
      if (!silent) active[count++] = k
    }
    for (let c = 0; c < channels; c++) {
      for (let i = 0; i < count; i++) factors[i] = shape.basis[active[i]! * channels + c]!
      weightedSum(components, count, area, factors, 0, sums)
      for (let p = 0; p < area; p++) tile[c * area + p] = sums[p]! + mean[c]!
    }
    writeTile(shape, tile, top, left, map)
  }
  return map
}

/**
 * `sums`[p] = sum over i of `factors`[`from` + i] x `rows`[i x width + p]. Four rows a pass: a sum is loaded and stored
 * a quarter as often, which is most of the time.
 */
function weightedSum(
  rows: Float32Array,
  count: number,
  width: number,
  factors: Float32Array,
  from: number,
  sums: Float64Array,
): void {
  sums.fill(0)
  let i = 0
  for (; i + 4 <= count; i += 4) {
    const a = factors[from + i]!
    const b = factors[from + i + 1]!
    const c = factors[from + i + 2]!
    const d = factors[from + i + 3]!
    const first = i * width
    const second = first + width
    const third = second + width
    const fourth = third + width
    for (let p = 0; p < width; p++) {
      sums[p] =
        sums[p]! + a * rows[first + p]! + b * rows[second + p]! + c * rows[third + p]! + d * rows[fourth + p]!
    }
  }
  for (; i < count; i++) {
    const factor = factors[from + i]!
    for (let p = 0; p < width; p++) sums[p] = sums[p]! + factor * rows[i * width + p]!
  }
}

/** `out`[`at` + f] = row f of the square matrix times the vector. Four rows a pass, as above. */
function products(
  matrix: Float32Array,
  n: number,
  vector: Float64Array,
  out: Float32Array,
  at: number,
): void {
  let f = 0
  for (; f + 4 <= n; f += 4) {
    const first = f * n
    const second = first + n
    const third = second + n
    const fourth = third + n
    let a = 0
    let b = 0
    let c = 0
    let d = 0
    for (let p = 0; p < n; p++) {
      const value = vector[p]!
      a += matrix[first + p]! * value
      b += matrix[second + p]! * value
      c += matrix[third + p]! * value
      d += matrix[fourth + p]! * value
    }
    out[at + f] = a
    out[at + f + 1] = b
    out[at + f + 2] = c
    out[at + f + 3] = d
  }
  for (; f < n; f++) {
    let sum = 0
    for (let p = 0; p < n; p++) sum += matrix[f * n + p]! * vector[p]!
    out[at + f] = sum
  }
}

function tileCorners({ height, width, tileHeight, tileWidth }: KltShape): [number, number][] {
  const corners: [number, number][] = []
  for (let top = 0; top < height; top += tileHeight) {
    for (let left = 0; left < width; left += tileWidth) corners.push([top, left])
  }
  return corners
}

/** The tile's values less the channels' means; places beyond the border repeat it. */
function readTile(shape: TileBasis, map: Float32Array, top: number, left: number, tile: Float32Array): void {
  const { channels, height, width, tileHeight, tileWidth, mean } = shape
  let at = 0
  for (let c = 0; c < channels; c++) {
    for (let y = 0; y < tileHeight; y++) {
      const row = (c * height + Math.min(height - 1, top + y)) * width
      for (let x = 0; x < tileWidth; x++) tile[at++] = map[row + Math.min(width - 1, left + x)]! - mean[c]!
    }
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
