import type { KltShape } from './klt-parameters.ts'
import { inPanels, panel, type TileMemory } from './tile-memory.ts'

/** What both transforms hold: a tile, the mean of each channel, and what each place is multiplied by. */
type Centring = TileMemory<'tile' | 'mean' | 'factors'>

/** Which part of the map a tile is. */
export type Corner = readonly [top: number, left: number]

/**
 * A tile of a map into memory, less the mean and emphasised.
 * @param emphasis of the map's places.
 */
export function readCentred(
  { kernels, at, views }: Centring,
  shape: KltShape,
  map: Float32Array,
  corner: Corner,
  emphasis: Float32Array,
): void {
  readTile(shape, map, corner, views.tile)
  tileFactors(shape, emphasis, corner, views.factors)
  const panels = inPanels(shape.tileHeight * shape.tileWidth) / panel
  kernels.centre({ at: at.tile, rows: shape.channels, panels, offsets: at.mean, factors: at.factors })
}

/**
 * The inverse of {@link readCentred}.
 * @param inverse of the emphasis, of the map's places.
 */
export function writeRestored(
  { kernels, at, views }: Centring,
  shape: KltShape,
  map: Float32Array,
  corner: Corner,
  inverse: Float32Array,
): void {
  tileFactors(shape, inverse, corner, views.factors)
  const panels = inPanels(shape.tileHeight * shape.tileWidth) / panel
  kernels.restore({ at: at.tile, rows: shape.channels, panels, offsets: at.mean, factors: at.factors })
  writeTile(shape, views.tile, corner, map)
}

/** A tile's values, channel x place in whole panels; places beyond the border repeat it. */
function readTile(
  { channels, height, width, tileHeight, tileWidth }: KltShape,
  map: Float32Array,
  [top, left]: Corner,
  tile: Float32Array,
): void {
  const area = tileHeight * tileWidth
  const stride = inPanels(area)
  if (tileHeight === height && tileWidth === width) {
    for (let c = 0; c < channels; c++) tile.set(map.subarray(c * area, (c + 1) * area), c * stride)
    return
  }
  const inside = Math.min(tileWidth, width - left)
  for (let c = 0; c < channels; c++) {
    for (let y = 0, at = c * stride; y < tileHeight; y++) {
      const from = (c * height + Math.min(height - 1, top + y)) * width + left
      for (let x = 0; x < inside; x++) tile[at++] = map[from + x]!
      for (let x = inside; x < tileWidth; x++, at++) tile[at] = tile[at - 1]!
    }
  }
}

/** What of a tile lies in the map, as {@link readTile} read it. */
function writeTile(
  { channels, height, width, tileHeight, tileWidth }: KltShape,
  tile: Float32Array,
  [top, left]: Corner,
  map: Float32Array,
): void {
  const stride = inPanels(tileHeight * tileWidth)
  if (tileHeight === height && tileWidth === width) {
    const area = height * width
    for (let c = 0; c < channels; c++) map.set(tile.subarray(c * stride, c * stride + area), c * area)
    return
  }
  const rows = Math.min(tileHeight, height - top)
  const columns = Math.min(tileWidth, width - left)
  for (let c = 0; c < channels; c++) {
    for (let y = 0; y < rows; y++) {
      const from = c * stride + y * tileWidth
      const to = (c * height + top + y) * width + left
      for (let x = 0; x < columns; x++) map[to + x] = tile[from + x]!
    }
  }
}

/** Of each of a tile's places, what values are multiplied by. @param factors of the map's places. */
function tileFactors(shape: KltShape, factors: Float32Array, corner: Corner, out: Float32Array): void {
  readTile({ ...shape, channels: 1 }, factors, corner, out)
}
