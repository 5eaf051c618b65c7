import type { Model } from '../model-graph/model.ts'
import type { Segment } from '../model-graph/segment.ts'
import type { TensorValue } from '../tensor/tensor-value.ts'
import type { CompiledCache } from './compiled-cache/compiled-cache.ts'

export const engineNames = ['onnxruntime', 'xnnpack', 'tensorflow', 'wasm'] as const
export type EngineName = (typeof engineNames)[number]

/** What ONNX Runtime can compute on besides the CPU, where the installed package has it. */
export const executionProviders = ['cuda', 'tensorrt', 'coreml', 'dml', 'webgpu'] as const
export type ExecutionProvider = (typeof executionProviders)[number]

/**
 * What an engine may compute in besides `float32`; answers are near those and not equal to them. `int8`: convolutions and
 * matrix products round their weights to 8 bits, and what they read as it comes. `fp16`: 16 bits, but for probabilities.
 */
export const roundedPrecisions = ['int8', 'fp16'] as const
export type RoundedPrecision = (typeof roundedPrecisions)[number]

export const precisions = ['float32', ...roundedPrecisions] as const
export type Precision = (typeof precisions)[number]

/** The engine that has them. */
export const roundingEngine = 'xnnpack' satisfies EngineName

/** As results and records say it: nothing of `float32`. */
export function saidPrecision(precision: Precision = 'float32'): { readonly precision?: RoundedPrecision } {
  return precision === 'float32' ? {} : { precision }
}

export interface Executable {
  /**
   * Values of the segment's outputs, in the segment's order, for its inputs in the segment's order.
   * @throws {TypeError} where the number, a shape or a length of the inputs is not the segment's.
   */
  run(inputs: readonly TensorValue[]): Promise<TensorValue[]>
  /**
   * As `run`, but the values may lie in the engine's own memory and order, so that a segment of the same engine takes
   * them over without a copy. Their `data`, a copy that is made when it is first read, can be had until this segment
   * runs again or is released, and after that if it was read before. Absent where the engine has no memory of its own.
   */
  runInPlace?(inputs: readonly TensorValue[]): Promise<TensorValue[]>
  /** Frees the weights. Safe to repeat. */
  release(): Promise<void>
}

export interface CompileOptions {
  /** Threads of one run. */
  readonly threads: number
  /** For engines that can map weights from files; without it they are compiled in memory. */
  readonly cache?: CompiledCache | undefined
  /** `float32` where absent. */
  readonly precision?: Precision | undefined
}

/** Computes segments. `run` may block the thread that calls it: a daemon calls it from a worker thread. */
export interface Engine {
  readonly name: EngineName
  /** @throws {RangeError} for a precision that the engine, or its library here, does not have. */
  compile(model: Model, segment: Segment, options: CompileOptions): Promise<Executable>
}

/** The engine where it computes in another precision. */
export function withPrecision(engine: Engine, precision: Precision): Engine {
  return {
    name: engine.name,
    compile: (model, segment, options) => engine.compile(model, segment, { ...options, precision }),
  }
}

/** @throws {RangeError} where another precision is asked of an engine that has only this one. */
export function requireFloat32(engine: EngineName, { precision = 'float32' }: CompileOptions): void {
  if (precision === 'float32') return
  throw new RangeError(
    `Cannot compile: precision of engine ${engine} must be float32, current value is ${precision}; engine ${roundingEngine} has it`,
  )
}

/** Runs a segment that others of the same engine may follow: in place where the engine can. */
export function runLink(executable: Executable, inputs: readonly TensorValue[]): Promise<TensorValue[]> {
  return executable.runInPlace?.(inputs) ?? executable.run(inputs)
}
