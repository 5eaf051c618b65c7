import type { Kernels, Product } from '../kernels/kernel-calls.ts'
import { panel } from './tile-memory.ts'

/**
 * Which of every tile's coefficients are wanted: of each panel of eight columns the first so many rows. Rows and columns both come
 * in the order of their variance, so what a level sends lies in one corner.
 */
export type Reach = Uint32Array

export function mostRows(reach: Reach): number {
  return reach.reduce((most, rows) => Math.max(most, rows), 0)
}

/** Of a product what is within reach, panels that reach as far as their neighbours in one call. */
export function multiplyWithin(
  kernels: Kernels,
  reach: Reach,
  { a, b, c, length }: Omit<Product, 'rows' | 'panels'>,
): void {
  for (let from = 0, to = 0; from < reach.length; from = to) {
    const rows = reach[from]!
    while (to < reach.length && reach[to] === rows) to++
    if (rows === 0) continue
    kernels.multiply({
      a,
      b: { ...b, at: b.at + from * b.panel },
      c: { ...c, at: c.at + from * 4 * panel },
      rows,
      panels: to - from,
      length,
    })
  }
}
