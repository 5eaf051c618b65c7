import { kernelBytes } from './kernel-bytes.ts'
import { type WasmModule, WebAssembly } from './web-assembly.ts'

export interface KernelInstance {
  readonly memory: ArrayBuffer
  readonly exports: Readonly<Record<string, (...values: number[]) => number>>
}

const pageBytes = 65_536
let compiled: WasmModule | 'none' | undefined

/** The module on so many bytes of memory, zeros, or undefined where the processor lacks SIMD: 32-bit ARM without NEON. */
export function instantiate(bytes: number): KernelInstance | undefined {
  compiled ??= compileKernels()
  if (compiled === 'none') return undefined
  const memory = new WebAssembly.Memory({ initial: Math.ceil(bytes / pageBytes) })
  const { exports } = new WebAssembly.Instance(compiled, { surgeon: { memory } })
  return { memory: memory.buffer, exports }
}

function compileKernels(): WasmModule | 'none' {
  const bytes = Buffer.from(kernelBytes, 'base64')
  return WebAssembly.validate(bytes) ? new WebAssembly.Module(bytes) : 'none'
}
