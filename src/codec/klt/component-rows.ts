import type { createKernels } from '../kernels/kernels.ts'
import { readCentred, writeRestored } from './centred-tile.ts'
import { mostRows, multiplyWithin, type Reach } from './multiply-within.ts'
import { inPanels, packTransposed, panel, tileMemory } from './tile-memory.ts'
import { emphasisFactors, type TileBasis, tileCorners } from './tile-transform.ts'

/** Both transforms where a tile has more places than channels: its coefficients are rows of patterns, one for each component. */

/** @param values of all coefficients of a map. */
export function forwardByComponent(shape: TileBasis, values: number, create: typeof createKernels) {
  const { channels, kept, tileHeight, tileWidth } = shape
  const area = tileHeight * tileWidth
  const stride = inPanels(area)
  const memory = tileMemory(create, {
    basis: kept * channels,
    spatial: stride * area,
    mean: channels,
    factors: stride,
    tile: channels * stride,
    mixed: kept * stride,
    coefficients: values,
  })
  const { kernels, at, views } = memory
  views.basis.set(shape.basis)
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
        a: { at: at.basis, row: 4 * channels, column: 4 },
        b: { at: at.tile, row: 4 * stride, panel: 4 * panel },
        c: { at: at.mixed, row: 4 * stride },
        rows: mostRows(reach),
        panels: stride / panel,
        length: channels,
      })
      multiplyWithin(kernels, reach, {
        a: { at: at.mixed, row: 4 * stride, column: 4 },
        b: { at: at.spatial, row: 4 * panel, panel: 4 * panel * area },
        c: { at: at.coefficients + 4 * tile * kept * stride, row: 4 * stride },
        length: area,
      })
    }
    return views.coefficients
  }
}

export function inverseByComponent(shape: TileBasis, create: typeof createKernels) {
  const { channels, height, width, kept, tileHeight, tileWidth } = shape
  const area = tileHeight * tileWidth
  const stride = inPanels(area)
  const memory = tileMemory(create, {
    basis: kept * channels,
    spatial: area * stride,
    coefficients: kept * stride,
    list: 2 * kept * stride + 2,
    counts: kept,
    mixed: kept * stride,
    mean: channels,
    factors: stride,
    tile: channels * stride,
  })
  const { kernels, at, views } = memory
  views.basis.set(shape.basis)
  for (let f = 0; f < area; f++)
    views.spatial.set(shape.spatial.subarray(f * area, (f + 1) * area), f * stride)
  views.mean.set(shape.mean)
  const inverse = emphasisFactors(shape).map((factor) => 1 / factor)
  return (coefficients: Float32Array, components: number): Float32Array<ArrayBuffer> => {
    const map = new Float32Array(channels * height * width)
    for (const [tile, corner] of tileCorners(shape).entries()) {
      const from = tile * kept * stride
      views.coefficients.set(coefficients.subarray(from, from + kept * stride))
      kernels.combine({
        a: { at: at.coefficients, row: 4 * stride },
        b: { at: at.spatial, row: 4 * stride },
        c: { at: at.mixed, row: 4 * stride },
        rows: components,
        panels: stride / panel,
        length: area,
        list: at.list,
        counts: at.counts,
      })
      // Transposed by its strides.
      kernels.multiply({
        a: { at: at.basis, row: 4, column: 4 * channels },
        b: { at: at.mixed, row: 4 * stride, panel: 4 * panel },
        c: { at: at.tile, row: 4 * stride },
        rows: channels,
        panels: stride / panel,
        length: components,
      })
      writeRestored(memory, shape, map, corner, inverse)
    }
    return map
  }
}
