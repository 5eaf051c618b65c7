import { type KernelMemory, kernelMemory } from '../kernels/kernel-memory.ts'
import type { createKernels } from '../kernels/kernels.ts'
import type { KltShape } from './klt-parameters.ts'

/** Columns that the kernels compute at a time. */
export const panel = 8

/** So many columns in whole panels. */
export function inPanels(columns: number): number {
  return panel * Math.ceil(columns / panel)
}

export interface TileMemory<Name extends string> extends KernelMemory<Name> {
  readonly views: Readonly<Record<Name, Float32Array<ArrayBuffer>>>
}

/** Memory of arrays of so many floats each, zeros. */
export function tileMemory<Name extends string>(
  create: typeof createKernels,
  floats: Readonly<Record<Name, number>>,
): TileMemory<Name> {
  const names = Object.keys(floats) as Name[]
  const sizes = Object.fromEntries(names.map((name) => [name, 4 * floats[name]])) as Record<Name, number>
  const { kernels, at } = kernelMemory(create, sizes)
  const views = {} as Record<Name, Float32Array<ArrayBuffer>>
  for (const name of names) views[name] = new Float32Array(kernels.memory, at[name], floats[name])
  return { kernels, at, views }
}

/** Writes a matrix's transpose in panels: column `x` of row `y` at `(y / 8) panels + x rows + y % 8`. */
export function packTransposed(matrix: Float32Array, columns: number, out: Float32Array): void {
  for (let y = 0, at = 0; at < matrix.length; y++) {
    const to = columns * (y - (y % panel)) + (y % panel)
    for (let x = 0; x < columns; x++, at++) out[to + panel * x] = matrix[at]!
  }
}

/** Which part of the map a tile is. */
export type Corner = readonly [top: number, left: number]

/** A tile's values, channel x place in whole panels; places beyond the border repeat it. */
export function readTile(
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
export function writeTile(
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
export function tileFactors(shape: KltShape, factors: Float32Array, corner: Corner, out: Float32Array): void {
  readTile({ ...shape, channels: 1 }, factors, corner, out)
}
