import { createKernels } from '../kernels/kernels.ts'
import { forwardByComponent, inverseByComponent } from './component-rows.ts'
import type { KltShape } from './klt-parameters.ts'
import type { Reach } from './multiply-within.ts'
import { forwardByPattern, inverseByPattern } from './pattern-rows.ts'
import { inPanels, panel } from './tile-memory.ts'
import { type TileBasis, tileCount } from './tile-transform.ts'

/** Coefficients of a map and back. A coefficient lies at {@link coefficientPlace}; what only fills a panel is 0. */
export interface MapTransform {
  /**
   * @param map channels x height x width.
   * @param reach what is computed, the others are 0; all without.
   * @returns memory that is valid until the next call.
   */
  forward(map: Float32Array, reach?: Reach): Float32Array
  /**
   * The map of which these are the coefficients, up to the components that are not kept.
   * @param components those from there on are 0.
   */
  inverse(coefficients: Float32Array, components?: number): Float32Array<ArrayBuffer>
}

/**
 * Whether a tile's coefficients are rows of patterns, one for each component, or rows of components, one for each pattern. The
 * larger of the two bases is applied along the rows, last, to what is sent alone; back it comes first, and multiplies only
 * what is not 0.
 */
function hasComponentRows({ channels, tileHeight, tileWidth }: KltShape): boolean {
  return tileHeight * tileWidth > channels
}

/** Of a tile's coefficients; a row's values include those that only fill a panel. */
function tileRows(shape: KltShape): { readonly rows: number; readonly stride: number } {
  const area = shape.tileHeight * shape.tileWidth
  return hasComponentRows(shape)
    ? { rows: shape.kept, stride: inPanels(area) }
    : { rows: area, stride: inPanels(shape.kept) }
}

/** Values of all coefficients of a map, those that only fill a panel included. */
export function coefficientCount(shape: KltShape): number {
  const { rows, stride } = tileRows(shape)
  return tileCount(shape) * rows * stride
}

/** Where in that memory a coefficient lies that is number `index` in the order of sending: tile x component x pattern. */
export function coefficientPlace(shape: KltShape, index: number): number {
  const { rows, stride } = tileRows(shape)
  const area = shape.tileHeight * shape.tileWidth
  const pattern = index % area
  const component = Math.floor(index / area) % shape.kept
  const tile = Math.floor(index / area / shape.kept)
  const [row, column] = hasComponentRows(shape) ? [component, pattern] : [pattern, component]
  return (tile * rows + row) * stride + column
}

/** What reaches all coefficients at these places. */
export function reachOf(shape: KltShape, places: Iterable<number>): Reach {
  const { rows, stride } = tileRows(shape)
  const reach = new Uint32Array(stride / panel)
  for (const place of places) {
    const row = Math.floor(place / stride) % rows
    const at = Math.floor((place % stride) / panel)
    reach[at] = Math.max(reach[at]!, row + 1)
  }
  // The kernel takes four at a time.
  return reach.map((count) => Math.min(rows, 4 * Math.ceil(count / 4)))
}

function fullReach(shape: KltShape): Reach {
  const { rows, stride } = tileRows(shape)
  return new Uint32Array(stride / panel).fill(rows)
}

/**
 * What `tile-transform.ts` computes, by the kernels: the mean is taken off, each place multiplied by its emphasis, then
 * the channels' basis is applied at every place and the spatial one to every component, in either order. Two products of
 * matrices: O(values x (kept + area)). Each direction gets its memory on its first use: an edge only encodes, a worker only
 * decodes.
 */
export function mapTransform(shape: TileBasis, create = createKernels): MapTransform {
  const byComponent = hasComponentRows(shape)
  const values = coefficientCount(shape)
  const full = fullReach(shape)
  let forward: ReturnType<typeof forwardByPattern> | undefined
  let inverse: ReturnType<typeof inverseByPattern> | undefined
  return {
    forward(map, reach = full) {
      forward ??= byComponent
        ? forwardByComponent(shape, values, create)
        : forwardByPattern(shape, values, create)
      return forward(map, reach)
    },
    inverse(coefficients, components = shape.kept) {
      inverse ??= byComponent ? inverseByComponent(shape, create) : inverseByPattern(shape, create)
      return inverse(coefficients, components)
    },
  }
}

const made = new WeakMap<TileBasis, MapTransform>()

/** The transform of parameters that stay: made once for all levels. */
export function sharedTransform(shape: TileBasis): MapTransform {
  const known = made.get(shape) ?? mapTransform(shape)
  made.set(shape, known)
  return known
}
