import { type KernelMemory, kernelMemory } from '../kernels/kernel-memory.ts'
import type { createKernels } from '../kernels/kernels.ts'

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
