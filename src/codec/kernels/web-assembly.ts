/** As much of the standard as the kernels need: its types come with those of browsers only. */
interface WebAssemblyStandard {
  validate(bytes: Uint8Array): boolean
  Module: new (bytes: Uint8Array) => WasmModule
  Memory: new (size: { initial: number }) => WasmMemory
  Instance: new (
    module: WasmModule,
    imports: Record<string, Record<string, WasmMemory>>,
  ) => { readonly exports: Readonly<Record<string, (...values: number[]) => number>> }
}

/** Compiled, and shared by its instances. */
export type WasmModule = object

interface WasmMemory {
  readonly buffer: ArrayBuffer
}

export const { WebAssembly } = globalThis as unknown as { WebAssembly: WebAssemblyStandard }
