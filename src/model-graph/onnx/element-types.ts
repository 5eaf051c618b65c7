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

/**
 * Little-endian values of any type but the 4- and 8-bit floats, as float32.
 * @throws {TypeError} for another type.
 */
export function toFloat32(type: Type, bytes: Uint8Array<ArrayBuffer>): Float32Array<ArrayBuffer> {
  const { buffer } = bytes.byteOffset % 8 === 0 ? bytes : bytes.slice()
  const from = bytes.byteOffset % 8 === 0 ? bytes.byteOffset : 0
  const count = (width: number): number => bytes.byteLength / width
  switch (type) {
    case Type.FLOAT:
      return new Float32Array(buffer, from, count(4))
    case Type.FLOAT16:
      return decodeWeight(bytes, { stored: 'float16', scale: 1, min: 0 })
    case Type.BFLOAT16: {
      // The upper half of a float32.
      const wide = Uint32Array.from(new Uint16Array(buffer, from, count(2)), (half) => half << 16)
      return new Float32Array(wide.buffer)
    }
    case Type.DOUBLE:
      return Float32Array.from(new Float64Array(buffer, from, count(8)))
    case Type.UINT8:
    case Type.BOOL:
      return Float32Array.from(bytes)
    case Type.INT8:
      return Float32Array.from(new Int8Array(buffer, from, bytes.byteLength))
    case Type.UINT16:
      return Float32Array.from(new Uint16Array(buffer, from, count(2)))
    case Type.INT16:
      return Float32Array.from(new Int16Array(buffer, from, count(2)))
    case Type.INT32:
      return Float32Array.from(new Int32Array(buffer, from, count(4)))
    case Type.UINT32:
      return Float32Array.from(new Uint32Array(buffer, from, count(4)))
    case Type.INT64:
      return Float32Array.from(new BigInt64Array(buffer, from, count(8)), Number)
    case Type.UINT64:
      return Float32Array.from(new BigUint64Array(buffer, from, count(8)), Number)
    default:
      throw new TypeError(
        `Cannot read values: type must be a number of 8 bits or more, current value is ${elementTypeName(type)}`,
      )
  }
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
