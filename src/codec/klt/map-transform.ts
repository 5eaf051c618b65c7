import { createKernels } from '../kernels/kernels.ts'
import type { KltShape } from './klt-parameters.ts'
import { emphasisFactors, type TileBasis, tileCorners, tileCount } from './tile-transform.ts'

/**
 * Coefficients of a map and back. A coefficient lies at {@link coefficientPlace}; the places between `kept` and the
 * stride are 0.
 */
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

const panel = 8

/** Components of a pattern in memory: whole panels. */
function componentStride({ kept }: Pick<KltShape, 'kept'>): number {
  return panel * Math.ceil(kept / panel)
}

/** Values of all coefficients of a map, those that only fill a panel included. */
export function coefficientCount(shape: KltShape): number {
  return tileCount(shape) * shape.tileHeight * shape.tileWidth * componentStride(shape)
}

/** Where in that memory a coefficient lies that is number `index` in the order of sending: tile x component x pattern. */
export function coefficientPlace(shape: KltShape, index: number): number {
  const area = shape.tileHeight * shape.tileWidth
  const component = Math.floor(index / area) % shape.kept
  const tile = Math.floor(index / area / shape.kept)
  return (tile * area + (index % area)) * componentStride(shape) + component
}

/**
 * What `tile-transform.ts` computes, by the kernels: the mean is taken off, each place multiplied by its emphasis, then
 * the channels' basis is applied at every place and the spatial one to every component. Two products of matrices:
 * O(values x (kept + area)). Components lie together, so that both are products of whole panels. Each direction gets its
 * memory on its first use: an edge only encodes, a worker only decodes.
 */
function mapTransform(shape: TileBasis): MapTransform {
  let forward: ReturnType<typeof forwardKernel> | undefined
  let inverse: ReturnType<typeof inverseKernel> | undefined
  return {
    forward(map, components = shape.kept) {
      forward ??= forwardKernel(shape)
      return forward(map, components)
    },
    inverse(coefficients, components = shape.kept) {
      inverse ??= inverseKernel(shape)
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

/** Divides memory into arrays of so many floats each; all begin at multiples of 16 bytes. */
function layout<Name extends string>(floats: Readonly<Record<Name, number>>) {
  let bytes = 0
  const at = {} as Record<Name, number>
  for (const name of Object.keys(floats) as Name[]) {
    at[name] = bytes
    bytes += 16 * Math.ceil(floats[name] / 4)
  }
  const kernels = createKernels(bytes)
  const views = {} as Record<Name, Float32Array<ArrayBuffer>>
  for (const name of Object.keys(floats) as Name[])
    views[name] = new Float32Array(kernels.memory, at[name], floats[name])
  return { kernels, at, views }
}

function forwardKernel(shape: TileBasis) {
  const { channels, kept, tileHeight, tileWidth, basis } = shape
  const area = tileHeight * tileWidth
  const stride = componentStride(shape)
  const { kernels, at, views } = layout({
    basis: channels * stride,
    spatial: area * area,
    tile: channels * area,
    mixed: area * stride,
    coefficients: coefficientCount(shape),
  })
  for (let k = 0; k < kept; k++) {
    const to = channels * (k - (k % panel)) + (k % panel)
    for (let c = 0; c < channels; c++) views.basis[to + panel * c] = basis[k * channels + c]!
  }
  views.spatial.set(shape.spatial)
  const emphasis = emphasisFactors(shape)
  return (map: Float32Array, components: number): Float32Array => {
    const panels = Math.ceil(components / panel)
    for (const [tile, [top, left]] of tileCorners(shape).entries()) {
      readTile(shape, map, top, left, emphasis, views.tile)
      kernels.multiply({
        a: { at: at.tile, row: 4, column: 4 * area },
        b: { at: at.basis, row: 4 * panel, panel: 4 * panel * channels },
        c: { at: at.mixed, row: 4 * stride },
        rows: area,
        panels,
        length: channels,
      })
      kernels.multiply({
        a: { at: at.spatial, row: 4 * area, column: 4 },
        b: { at: at.mixed, row: 4 * stride, panel: 4 * panel },
        c: { at: at.coefficients + 4 * tile * area * stride, row: 4 * stride },
        rows: area,
        panels,
        length: area,
      })
    }
    return views.coefficients
  }
}

function inverseKernel(shape: TileBasis) {
  const { channels, height, width, kept, tileHeight, tileWidth } = shape
  const area = tileHeight * tileWidth
  const stride = componentStride(shape)
  const channelStride = panel * Math.ceil(channels / panel)
  const { kernels, at, views } = layout({
    basis: channelStride * kept,
    spatial: area * area,
    coefficients: area * stride,
    mixed: area * stride,
    tile: area * channelStride,
  })
  for (let c = 0; c < channels; c++) {
    const to = kept * (c - (c % panel)) + (c % panel)
    for (let k = 0; k < kept; k++) views.basis[to + panel * k] = shape.basis[k * channels + c]!
  }
  views.spatial.set(shape.spatial)
  const inverse = emphasisFactors(shape).map((factor) => 1 / factor)
  return (coefficients: Float32Array, components: number): Float32Array<ArrayBuffer> => {
    const map = new Float32Array(channels * height * width)
    const panels = Math.ceil(components / panel)
    for (const [tile, [top, left]] of tileCorners(shape).entries()) {
      const from = tile * area * stride
      views.coefficients.set(coefficients.subarray(from, from + area * stride))
      // Transposed by its strides.
      kernels.multiply({
        a: { at: at.spatial, row: 4, column: 4 * area },
        b: { at: at.coefficients, row: 4 * stride, panel: 4 * panel },
        c: { at: at.mixed, row: 4 * stride },
        rows: area,
        panels,
        length: area,
      })
      kernels.multiply({
        a: { at: at.mixed, row: 4 * stride, column: 4 },
        b: { at: at.basis, row: 4 * panel, panel: 4 * panel * kept },
        c: { at: at.tile, row: 4 * channelStride },
        rows: area,
        panels: channelStride / panel,
        length: components,
      })
      writeTile(shape, views.tile, top, left, inverse, map)
    }
    return map
  }
}

/** The tile's values less the channels' means, times the emphasis, channel x place; places beyond the border repeat it. */
function readTile(
  shape: TileBasis,
  map: Float32Array,
  top: number,
  left: number,
  emphasis: Float32Array,
  tile: Float32Array,
): void {
  const { channels, height, width, tileHeight, tileWidth, mean } = shape
  for (let c = 0, at = 0; c < channels; c++) {
    const plane = c * height * width
    const centre = mean[c]!
    for (let y = 0; y < tileHeight; y++) {
      const row = Math.min(height - 1, top + y) * width
      for (let x = 0; x < tileWidth; x++, at++) {
        const place = row + Math.min(width - 1, left + x)
        tile[at] = (map[plane + place]! - centre) * emphasis[place]!
      }
    }
  }
}

/** Undoes emphasis and mean; `tile` is place x channel, in whole panels. */
function writeTile(
  shape: TileBasis,
  tile: Float32Array,
  top: number,
  left: number,
  inverse: Float32Array,
  map: Float32Array,
): void {
  const { channels, height, width, tileHeight, tileWidth, mean } = shape
  const stride = tile.length / (tileHeight * tileWidth)
  const rows = Math.min(tileHeight, height - top)
  const columns = Math.min(tileWidth, width - left)
  for (let c = 0; c < channels; c++) {
    const centre = mean[c]!
    for (let y = 0; y < rows; y++) {
      let from = y * tileWidth * stride + c
      const first = (top + y) * width + left
      const plane = c * height * width
      for (let place = first; place < first + columns; place++, from += stride)
        map[plane + place] = tile[from]! * inverse[place]! + centre
    }
  }
}
