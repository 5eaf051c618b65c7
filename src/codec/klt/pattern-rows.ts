import type { createKernels } from '../kernels/kernels.ts'
import { readCentred, writeRestored } from './centred-tile.ts'
import { mostRows, multiplyWithin, type Reach } from './multiply-within.ts'
import { inPanels, packTransposed, panel, tileMemory } from './tile-memory.ts'
import { emphasisFactors, type TileBasis, tileCorners } from './tile-transform.ts'

/** Both transforms where a tile has no more places than channels: its coefficients are rows of components, one for each pattern. */

/** @param values of all coefficients of a map. */
export function forwardByPattern(shape: TileBasis, values: number, create: typeof createKernels) {
  const { channels, kept, tileHeight, tileWidth } = shape
  const area = tileHeight * tileWidth
  const places = inPanels(area)
  const stride = inPanels(kept)
  const memory = tileMemory(create, {
    basis: channels * stride,
    spatial: area * places,
    mean: channels,
    factors: places,
    tile: channels * places,
    mixed: channels * places,
    coefficients: values,
  })
  const { kernels, at, views } = memory
  packTransposed(shape.basis, channels, views.basis)
  packTransposed(shape.spatial, area, views.spatial)
  views.mean.set(shape.mean)
  const emphasis = emphasisFactors(shape)
  let reached: Reach | undefined
  return (map: Float32Array, reach: Reach): Float32Array => {
    if (reach !== reached) views.coefficients.fill(0)
    reached = reach
    for (const [tile, corner] of tileCorners(shape).entries()) {
      readCentred(memory, shape, map, corner, emphasis)
      kernels.multiply({
        a: { at: at.tile, row: 4 * places, column: 4 },
        b: { at: at.spatial, row: 4 * panel, panel: 4 * panel * area },
        c: { at: at.mixed, row: 4 * places },
        rows: channels,
        panels: inPanels(mostRows(reach)) / panel,
        length: area,
      })
      // Transposed by its strides.
      multiplyWithin(kernels, reach, {
        a: { at: at.mixed, row: 4, column: 4 * places },
        b: { at: at.basis, row: 4 * panel, panel: 4 * panel * channels },
        c: { at: at.coefficients + 4 * tile * area * stride, row: 4 * stride },
        length: channels,
      })
    }
    return views.coefficients
  }
}

export function inverseByPattern(shape: TileBasis, create: typeof createKernels) {
  const { channels, height, width, kept, tileHeight, tileWidth } = shape
  const area = tileHeight * tileWidth
  const stride = inPanels(kept)
  const places = inPanels(area)
  const channelStride = inPanels(channels)
  const memory = tileMemory(create, {
    basis: kept * channelStride,
    spatial: area * places,
    coefficients: area * stride,
    list: 2 * area * stride + 2,
    counts: area,
    mixed: area * channelStride,
    mean: channels,
    factors: places,
    tile: channels * places,
  })
  const { kernels, at, views } = memory
  for (let k = 0; k < kept; k++)
    views.basis.set(shape.basis.subarray(k * channels, (k + 1) * channels), k * channelStride)
  for (let f = 0; f < area; f++)
    views.spatial.set(shape.spatial.subarray(f * area, (f + 1) * area), f * places)
  views.mean.set(shape.mean)
  const inverse = emphasisFactors(shape).map((factor) => 1 / factor)
  return (coefficients: Float32Array, components: number): Float32Array<ArrayBuffer> => {
    const map = new Float32Array(channels * height * width)
    for (const [tile, corner] of tileCorners(shape).entries()) {
      const from = tile * area * stride
      views.coefficients.set(coefficients.subarray(from, from + area * stride))
      kernels.combine({
        a: { at: at.coefficients, row: 4 * stride },
        b: { at: at.basis, row: 4 * channelStride },
        c: { at: at.mixed, row: 4 * channelStride },
        rows: area,
        panels: channelStride / panel,
        length: components,
        list: at.list,
        counts: at.counts,
      })
      // Transposed by its strides.
      kernels.multiply({
        a: { at: at.mixed, row: 4, column: 4 * channelStride },
        b: { at: at.spatial, row: 4 * places, panel: 4 * panel },
        c: { at: at.tile, row: 4 * places },
        rows: channels,
        panels: places / panel,
        length: area,
      })
      writeRestored(memory, shape, map, corner, inverse)
    }
    return map
  }
}
