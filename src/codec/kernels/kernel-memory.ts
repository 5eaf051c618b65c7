import type { Kernels } from './kernel-calls.ts'

export interface KernelMemory<Name extends string> {
  readonly kernels: Kernels
  /** Where each array begins, bytes. */
  readonly at: Readonly<Record<Name, number>>
}

/** Kernels on memory for arrays of so many bytes, zeros, one after the other at multiples of 16. */
export function kernelMemory<Name extends string>(
  create: (bytes: number) => Kernels,
  bytes: Readonly<Record<Name, number>>,
): KernelMemory<Name> {
  let size = 0
  const at = {} as Record<Name, number>
  for (const name of Object.keys(bytes) as Name[]) {
    at[name] = size
    size += 16 * Math.ceil(bytes[name] / 16)
  }
  return { kernels: create(size), at }
}
