import { kernelBytes } from './kernel-bytes.ts'
import { scriptKernels } from './script-kernels.ts'
import { type WasmModule, WebAssembly } from './web-assembly.ts'

/** A product of matrices in {@link Kernels.memory}: C = A B. All places and strides are bytes, multiples of 4. */
export interface Product {
  /** Element (i, x) lies at `at + i row + x column`. */
  readonly a: { readonly at: number; readonly row: number; readonly column: number }
  /** Columns lie in panels of eight: row x of panel p begins at `at + x row + p panel`. */
  readonly b: { readonly at: number; readonly row: number; readonly panel: number }
  /** Row i of panel p begins at `at + i row + 32 p`. */
  readonly c: { readonly at: number; readonly row: number }
  readonly rows: number
  readonly panels: number
  readonly length: number
}

/** A trellis's arrays in {@link Kernels.memory}, `count` entries each but for the coefficients. Places are bytes. */
export interface TrellisArrays {
  readonly coefficients: number
  /** Index among the coefficients of each that is sent, unsigned. */
  readonly sent: number
  /** 2 / step of each. */
  readonly inverse: number
  /** Written: twice the value in steps. */
  readonly halves: number
  /** Written, a byte each. */
  readonly decisions: number
  /** Written: the codes, see `trellis.ts`. */
  readonly codes: number
  readonly count: number
}

/** What the codec computes with, on memory of its own: whoever writes there keeps the places apart. */
export interface Kernels {
  readonly memory: ArrayBuffer
  multiply(product: Product): void
  /** Returns the largest magnitude of the halves, NaN where one was. */
  trellis(arrays: TrellisArrays): number
}

const pageBytes = 65_536
let compiled: WasmModule | 'none' | undefined

/** Kernels with so many bytes of memory, zeros: in WebAssembly SIMD, or in JavaScript where a processor lacks it. */
export function createKernels(bytes: number): Kernels {
  compiled ??= compileKernels()
  return compiled === 'none' ? scriptKernels(bytes) : wasmKernels(compiled, bytes)
}

function compileKernels(): WasmModule | 'none' {
  const bytes = Buffer.from(kernelBytes, 'base64')
  // 32-bit ARM without NEON.
  return WebAssembly.validate(bytes) ? new WebAssembly.Module(bytes) : 'none'
}

function wasmKernels(module: WasmModule, bytes: number): Kernels {
  const memory = new WebAssembly.Memory({ initial: Math.ceil(bytes / pageBytes) })
  const { exports } = new WebAssembly.Instance(module, { surgeon: { memory } })
  const multiply = exports['multiply']!
  const trellis = exports['trellis']!
  return {
    memory: memory.buffer,
    multiply({ a, b, c, rows, panels, length }) {
      multiply(a.at, a.row, a.column, b.at, b.row, b.panel, c.at, c.row, rows, panels, length)
    },
    trellis({ coefficients, sent, inverse, halves, decisions, codes, count }) {
      return trellis(coefficients, sent, inverse, halves, decisions, codes, count)
    },
  }
}
