import type { Model } from '../model-graph/model.ts'
import type { CompiledCache } from './compiled-cache/compiled-cache.ts'

export const engineNames = ['onnxruntime', 'tensorflow', 'wasm'] as const
export type EngineName = (typeof engineNames)[number]

/** Values of one crossing tensor: float32, batch axis first, then the tensor's `borderShape`. */
export interface TensorValue {
  readonly shape: readonly number[]
  readonly data: Float32Array<ArrayBuffer>
}

/** A runnable part of a model: some layers, what they read and what they give (tensor ids of the layer graph). */
export interface Segment {
  readonly layers: readonly number[]
  readonly inputs: readonly number[]
  readonly outputs: readonly number[]
}

export interface Executable {
  /**
   * Values of the segment's outputs, in the segment's order, for its inputs in the segment's order.
   * @throws {TypeError} where the number, a shape or a length of the inputs is not the segment's.
   */
  run(inputs: readonly TensorValue[]): Promise<TensorValue[]>
  /** Frees the weights. Safe to repeat. */
  release(): Promise<void>
}

export interface CompileOptions {
  /** Threads of one run. */
  readonly threads: number
  /** For engines that can map weights from files; without it they are compiled in memory. */
  readonly cache?: CompiledCache | undefined
}

/** Computes segments. `run` may block the thread that calls it: a daemon calls it from a worker thread. */
export interface Engine {
  readonly name: EngineName
  compile(model: Model, segment: Segment, options: CompileOptions): Promise<Executable>
}
