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
  const mixed = new Float32Array(area)
  let at = 0
  for (const [top, left] of tileCorners(shape)) {
    readTile(shape, map, top, left, tile)
    for (let k = 0; k < kept; k++) {
      mixed.fill(0)
      for (let c = 0; c < shape.channels; c++) {
        const factor = shape.basis[k * shape.channels + c]!
        const from = c * area
        for (let p = 0; p < area; p++) mixed[p] = mixed[p]! + factor * tile[from + p]!
      }
      for (let f = 0; f < area; f++) {
        let sum = 0
        const row = f * area
        for (let p = 0; p < area; p++) sum += spatial[row + p]! * mixed[p]!
        out[at++] = sum
      }
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
  const mixed = new Float32Array(area)
  let at = 0
  for (const [top, left] of tileCorners(shape)) {
    for (let c = 0; c < channels; c++) tile.fill(mean[c]!, c * area, (c + 1) * area)
    for (let k = 0; k < kept; k++) {
      mixed.fill(0)
      let silent = true
      for (let f = 0; f < area; f++) {
        const value = coefficients[at++]!
        if (value === 0) continue
        silent = false
        const row = f * area
        for (let p = 0; p < area; p++) mixed[p] = mixed[p]! + value * spatial[row + p]!
      }
      if (silent) continue
      for (let c = 0; c < channels; c++) {
        const factor = shape.basis[k * channels + c]!
        const from = c * area
        for (let p = 0; p < area; p++) tile[from + p] = tile[from + p]! + factor * mixed[p]!
      }
    }
    writeTile(shape, tile, top, left, map)
  }
  return map
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
