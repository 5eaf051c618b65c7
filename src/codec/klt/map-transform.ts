import { createKernels } from '../kernels/kernels.ts'
import { forwardByComponent, inverseByComponent } from './component-rows.ts'
import type { KltShape } from './klt-parameters.ts'
import { forwardByPattern, inverseByPattern } from './pattern-rows.ts'
import { inPanels } from './tile-memory.ts'
import { type TileBasis, tileCount } from './tile-transform.ts'

/** Coefficients of a map and back. A coefficient lies at {@link coefficientPlace}; what only fills a panel is 0. */
export interface MapTransform {
  /**
   * @param map channels x height x width.
   * @param components the first so many are computed, the others stale; all without.
   * @returns memory that is valid until the next call.
   */
  forward(map: Float32Array, components?: number): Float32Array
  /**
   * The map of which these are the coefficients, up to the components that are not kept.
   * @param components those from there on are 0.
   */
  inverse(coefficients: Float32Array, components?: number): Float32Array<ArrayBuffer>
}

/**
 * Whether a tile's coefficients are rows of patterns, one for each component, or rows of components, one for each pattern. Back,
 * only what is not 0 is multiplied by the first of the two bases, so this is the one with more numbers.
 */
function hasComponentRows({ channels, tileHeight, tileWidth }: KltShape): boolean {
  return tileHeight * tileWidth > channels
}

/** Values of a tile's coefficients, those that only fill a panel included. */
function tileStride(shape: KltShape): number {
  const area = shape.tileHeight * shape.tileWidth
  return hasComponentRows(shape) ? shape.kept * inPanels(area) : area * inPanels(shape.kept)
}

/** Values of all coefficients of a map, those that only fill a panel included. */
export function coefficientCount(shape: KltShape): number {
  return tileCount(shape) * tileStride(shape)
}

/** Where in that memory a coefficient lies that is number `index` in the order of sending: tile x component x pattern. */
export function coefficientPlace(shape: KltShape, index: number): number {
  const area = shape.tileHeight * shape.tileWidth
  const pattern = index % area
  const component = Math.floor(index / area) % shape.kept
  const tile = Math.floor(index / area / shape.kept)
  const within = hasComponentRows(shape)
    ? component * inPanels(area) + pattern
    : pattern * inPanels(shape.kept) + component
  return tile * tileStride(shape) + within
}

/**
 * What `tile-transform.ts` computes, by the kernels: the mean is taken off, each place multiplied by its emphasis, then
 * the channels' basis is applied at every place and the spatial one to every component. Two products of matrices:
 * O(values x (kept + area)). Each direction gets its memory on its first use: an edge only encodes, a worker only decodes.
 */
export function mapTransform(shape: TileBasis, create = createKernels): MapTransform {
  const byComponent = hasComponentRows(shape)
  const values = coefficientCount(shape)
  let forward: ReturnType<typeof forwardByPattern> | undefined
  let inverse: ReturnType<typeof inverseByPattern> | undefined
  return {
    forward(map, components = shape.kept) {
      forward ??= byComponent
        ? forwardByComponent(shape, values, create)
        : forwardByPattern(shape, values, create)
      return forward(map, components)
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
