import type { TensorProto_DataType } from 'onnx-buf'
import type { LayerGraph } from './layer-graph.ts'
import type { Manifest } from './manifest.ts'

/** A constant of an ONNX file in its own type. */
export interface OnnxConstant {
  readonly dims: readonly number[]

  readonly dataType: TensorProto_DataType
  readonly byteLength: number
  /** Little-endian values. @throws {RangeError} where the file has become shorter; {@link TypeError} for NaN. */
  read(): Promise<Uint8Array<ArrayBuffer>>
}

/** Reads one weight at a time, so that a model is never held twice. */
export interface WeightSource {
  /**
   * Values of the weight as float32, dequantised, in the source's axis order.
   * @throws {RangeError} where the shard is truncated; {@link TypeError} for an unknown name.
   */
  read(name: string): Promise<Float32Array<ArrayBuffer>>
  /** Values `begin` to before `end` of a weight; absent where only whole ones can be read. */
  readPart?(name: string, begin: number, end: number): Promise<Float32Array<ArrayBuffer>>
  /** Of an ONNX file: every constant by name, weights included. */
  readonly constants?: ReadonlyMap<string, OnnxConstant>
}

export interface Model {
  readonly graph: LayerGraph
  readonly weights: WeightSource
  readonly manifest: Manifest
  /** Of an ONNX file: outputs that are the same for every input, by name. They are no part of `graph`. */
  readonly constantOutputs?: ReadonlyMap<string, OnnxConstant>
  /** Class names that the model itself holds, in the order of its scores. */
  readonly classNames?: readonly string[]
  /** First 16 bytes of SHA-256 over the topology and the weights, as 32 hex digits: both ends compare it. */
  readonly hash: string
}

/** How the model wants its input; undefined for an ONNX file that does not say. */
export function manifestOf(model: Pick<Model, 'manifest'>): Manifest | undefined {
  try {
    return model.manifest
  } catch {
    return undefined
  }
}
