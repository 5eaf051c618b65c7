import { TensorProto_DataType as Type } from 'onnx-buf'
import { decodeWeight } from '../weight-encoding.ts'

/** Bits per value of every ONNX element type that can be a constant; strings and complex numbers cannot. */
const bits = new Map<Type, number>([
  [Type.FLOAT, 32],
  [Type.UINT8, 8],
  [Type.INT8, 8],
  [Type.UINT16, 16],
  [Type.INT16, 16],
  [Type.INT32, 32],
  [Type.INT64, 64],
  [Type.BOOL, 8],
  [Type.FLOAT16, 16],
  [Type.DOUBLE, 64],
  [Type.UINT32, 32],
  [Type.UINT64, 64],
  [Type.BFLOAT16, 16],
  [Type.FLOAT8E4M3FN, 8],
  [Type.FLOAT8E4M3FNUZ, 8],
  [Type.FLOAT8E5M2, 8],
  [Type.FLOAT8E5M2FNUZ, 8],
  [Type.UINT4, 4],
  [Type.INT4, 4],
])

/** Names that ONNX Runtime's JavaScript interface gives to element types. */
const runtimeNames: Readonly<Record<string, Type>> = {
  float32: Type.FLOAT,
  uint8: Type.UINT8,
  int8: Type.INT8,
  uint16: Type.UINT16,
  int16: Type.INT16,
  int32: Type.INT32,
  int64: Type.INT64,
  bool: Type.BOOL,
  float16: Type.FLOAT16,
  float64: Type.DOUBLE,
  uint32: Type.UINT32,
  uint64: Type.UINT64,
}

/** Types whose constants training changes; whole numbers of 32 bits and more are sizes and positions. */
const weightTypes: ReadonlySet<Type> = new Set([
  Type.FLOAT,
  Type.FLOAT16,
  Type.BFLOAT16,
  Type.DOUBLE,
  Type.INT8,
  Type.UINT8,
  Type.INT4,
  Type.UINT4,
])

export function isWeightType(type: Type): boolean {
  return weightTypes.has(type)
}

/** @returns Bytes of `count` values, or undefined for a type that cannot be a constant. */
export function bytesOfValues(type: Type, count: number): number | undefined {
  const width = bits.get(type)
  return width === undefined ? undefined : Math.ceil((count * width) / 8)
}

/** @returns The type that ONNX Runtime calls `name`, or undefined. */
export function elementTypeOf(name: string): Type | undefined {
  return runtimeNames[name]
}

/** @returns ONNX Runtime's name, or undefined where its JavaScript interface has none. */
export function runtimeNameOf(type: Type): string | undefined {
  return Object.keys(runtimeNames).find((name) => runtimeNames[name] === type)
}

export function elementTypeName(type: Type): string {
  return (Type[type] ?? String(type)).toLowerCase()
}

/** @returns The type of that number in the format, or undefined for one that cannot be a constant. */
export function elementTypeOfCode(code: number): Type | undefined {
  const codes: readonly number[] = [...bits.keys()]
  return [...bits.keys()][codes.indexOf(code)]
}

type Decode = (bytes: Uint8Array<ArrayBuffer>) => ArrayLike<number> | ArrayLike<bigint>

const decoders = new Map<Type, Decode>([
  [Type.DOUBLE, ({ buffer }) => new Float64Array(buffer)],
  [Type.UINT8, (bytes) => bytes],
  [Type.BOOL, (bytes) => bytes],
  [Type.INT8, ({ buffer }) => new Int8Array(buffer)],
  [Type.UINT16, ({ buffer }) => new Uint16Array(buffer)],
  [Type.INT16, ({ buffer }) => new Int16Array(buffer)],
  [Type.INT32, ({ buffer }) => new Int32Array(buffer)],
  [Type.UINT32, ({ buffer }) => new Uint32Array(buffer)],
  [Type.INT64, ({ buffer }) => new BigInt64Array(buffer)],
  [Type.UINT64, ({ buffer }) => new BigUint64Array(buffer)],
])

/**
 * Little-endian values of any type but the 4- and 8-bit floats, as float32.
 * @throws {TypeError} for another type.
 */
export function toFloat32(type: Type, bytes: Uint8Array<ArrayBuffer>): Float32Array<ArrayBuffer> {
  // Typed arrays need an aligned start.
  const own = bytes.byteOffset === 0 && bytes.buffer.byteLength === bytes.length ? bytes : bytes.slice()
  if (type === Type.FLOAT) return new Float32Array(own.buffer)
  if (type === Type.FLOAT16) return decodeWeight(own, { stored: 'float16', scale: 1, min: 0 })
  if (type === Type.BFLOAT16) {
    // The upper half of a float32.
    const wide = Uint32Array.from(new Uint16Array(own.buffer), (half) => half << 16)
    return new Float32Array(wide.buffer)
  }
  const decode = decoders.get(type)
  if (decode === undefined) {
    throw new TypeError(
      `Cannot read values: type must be a number of 8 bits or more, current value is ${elementTypeName(type)}`,
    )
  }
  return Float32Array.from<number | bigint>(decode(own), Number)
}

const encoders = new Map<Type, (values: readonly number[]) => { readonly buffer: ArrayBuffer }>([
  [Type.FLOAT, (values) => Float32Array.from(values)],
  [Type.DOUBLE, (values) => Float64Array.from(values)],
  [Type.UINT8, (values) => Uint8Array.from(values)],
  [Type.BOOL, (values) => Uint8Array.from(values)],
  [Type.INT8, (values) => Int8Array.from(values)],
  [Type.INT32, (values) => Int32Array.from(values)],
  [Type.INT64, (values) => BigInt64Array.from(values, (value) => BigInt(Math.trunc(value)))],
])

/** @returns Little-endian values of that type. @throws {TypeError} for one that is no common type of an input. */
export function fromNumbers(type: Type, values: readonly number[]): Uint8Array<ArrayBuffer> {
  const encode = encoders.get(type)
  if (encode === undefined)
    throw new TypeError(
      `Cannot write values: type must be a float, a whole number or bool, current value is ${elementTypeName(type)}`,
    )
  return new Uint8Array(encode(values).buffer)
}

/** @returns Index of the first NaN of float values, or -1; other types have none. */
export function firstNaN(type: Type, bytes: Uint8Array<ArrayBuffer>): number {
  const isFloat =
    type === Type.FLOAT || type === Type.FLOAT16 || type === Type.BFLOAT16 || type === Type.DOUBLE
  if (!isFloat) return -1
  const values = toFloat32(type, bytes)
  for (let i = 0; i < values.length; i += 1) if (Number.isNaN(values[i])) return i
  return -1
}
