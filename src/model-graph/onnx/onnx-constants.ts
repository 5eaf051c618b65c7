import { realpathSync, statSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { dirname, isAbsolute, join, sep } from 'node:path'
import { type TensorProto, TensorProto_DataLocation, TensorProto_DataType as Type } from 'onnx-buf'
import { elementCount } from '../../tensor/element-count.ts'
import type { OnnxConstant } from '../model.ts'
import { bytesOfValues, elementTypeOfCode, firstNaN } from './element-types.ts'

/** Values up to this many bytes are kept rather than read again: scalars, sizes, biases of small layers. */
const keptBytes = 256

interface FileStretch {
  readonly path: string
  readonly start: number
}

/**
 * A constant of an ONNX file, read from its place when it is wanted.
 * @param file The whole file as it was parsed: `tensor.rawData` is a view of it and tells the place.
 * @param path The file, beside which external data lie.
 * @throws {TypeError} for strings, wrong sizes, and external data outside the file's folder. @throws {RangeError}
 * where external data are truncated.
 */
export function onnxConstant(
  tensor: TensorProto,
  name: string,
  file: Uint8Array<ArrayBuffer>,
  path: string,
): OnnxConstant & { readonly externalPath?: string } {
  const dims = tensor.dims.map(Number)
  const count = elementCount(dims)
  const dataType = elementTypeOfCode(tensor.dataType)
  const byteLength = dataType === undefined ? undefined : bytesOfValues(dataType, count)
  if (dataType === undefined || byteLength === undefined || !Number.isSafeInteger(count) || count < 0) {
    const found = `type ${tensor.dataType} [${dims.join(', ')}]`
    throw fault(path, name, `must be numbers of a fixed size, current value is ${found}`)
  }
  const head = { dims, dataType, byteLength }
  if (tensor.dataLocation === TensorProto_DataLocation.EXTERNAL) {
    const place = externalPlace(tensor, name, byteLength, path)
    return { ...head, externalPath: place.path, read: () => readStretch(place, byteLength, dataType, name) }
  }
  const { rawData } = tensor
  if (rawData.length === 0 || rawData.length <= keptBytes || rawData.buffer !== file.buffer) {
    const bytes = rawData.length === 0 ? listedValues(tensor, dataType) : new Uint8Array(rawData)
    requireLength(bytes.length, byteLength, name, dims, path)
    return { ...head, read: () => Promise.resolve(checked(bytes, dataType, name, path)) }
  }
  requireLength(rawData.length, byteLength, name, dims, path)
  const place = { path, start: rawData.byteOffset - file.byteOffset }
  return { ...head, read: () => readStretch(place, byteLength, dataType, name) }
}

/** A constant that was computed. */
export function keptConstant(
  dims: readonly number[],
  dataType: Type,
  bytes: Uint8Array<ArrayBuffer>,
): OnnxConstant {
  return { dims, dataType, byteLength: bytes.length, read: () => Promise.resolve(bytes) }
}

/** Values that are listed one by one, in the field that the type prescribes (onnx.proto, TensorProto). */
const listings = new Map<Type, (tensor: TensorProto) => { readonly buffer: ArrayBuffer }>([
  [Type.FLOAT, ({ floatData }) => Float32Array.from(floatData)],
  [Type.DOUBLE, ({ doubleData }) => Float64Array.from(doubleData)],
  [Type.INT64, ({ int64Data }) => BigInt64Array.from(int64Data)],
  [Type.UINT64, ({ uint64Data }) => BigUint64Array.from(uint64Data)],
  [Type.UINT32, ({ uint64Data }) => Uint32Array.from(uint64Data, Number)],
  [Type.INT32, ({ int32Data }) => Int32Array.from(int32Data)],
  ...[Type.INT16, Type.UINT16, Type.FLOAT16, Type.BFLOAT16].map(
    (type) => [type, ({ int32Data }: TensorProto) => Uint16Array.from(int32Data)] as const,
  ),
])

function listedValues(tensor: TensorProto, dataType: Type): Uint8Array<ArrayBuffer> {
  const list = listings.get(dataType) ?? (({ int32Data }: TensorProto) => Uint8Array.from(int32Data))
  return new Uint8Array(list(tensor).buffer)
}

function externalPlace(tensor: TensorProto, name: string, byteLength: number, path: string): FileStretch {
  const entries = new Map(tensor.externalData.map(({ key, value }) => [key, value]))
  const location = entries.get('location') ?? ''
  const folder = dirname(path)
  const outside = location === '' || isAbsolute(location) || location.split(/[\\/]/).includes('..')
  if (outside) {
    throw fault(path, name, `external data must lie in the file's folder, current location is '${location}'`)
  }
  const start = Number(entries.get('offset') ?? 0)
  const length = Number(entries.get('length') ?? byteLength)
  requireLength(length, byteLength, name, tensor.dims.map(Number), path)
  const external = join(folder, location)
  let size: number
  try {
    // A link may lead elsewhere.
    if (!realpathSync(external).startsWith(realpathSync(folder) + sep)) throw new Error('it leads elsewhere')
    size = statSync(external).size
  } catch (cause) {
    throw fault(
      path,
      name,
      `external data must be a readable file in its folder, current location is '${location}'`,
      cause,
    )
  }
  if (!Number.isSafeInteger(start) || start < 0 || start + byteLength > size) {
    throw new RangeError(
      `Cannot load ${path}: external data of '${name}' must end within ${external}, which has ${size} bytes, current end is ${start + byteLength}; it is truncated`,
    )
  }
  return { path: external, start }
}

async function readStretch(
  { path, start }: FileStretch,
  length: number,
  dataType: Type,
  name: string,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(length)
  const file = await open(path, 'r').catch((cause: unknown) => {
    throw new Error(`Cannot read constant '${name}': file ${path} must be readable`, { cause })
  })
  try {
    let done = 0
    while (done < length) {
      const { bytesRead } = await file.read(bytes, done, length - done, start + done)
      if (bytesRead === 0) throw new RangeError(`Cannot read constant '${name}': ${path} is truncated`)
      done += bytesRead
    }
  } finally {
    await file.close()
  }
  return checked(bytes, dataType, name, path)
}

/** Infinity is legal (an open bound of a Clip), NaN never is. */
function checked(
  bytes: Uint8Array<ArrayBuffer>,
  dataType: Type,
  name: string,
  path: string,
): Uint8Array<ArrayBuffer> {
  const bad = firstNaN(dataType, bytes)
  if (bad >= 0)
    throw new TypeError(
      `Cannot read constant '${name}' of ${path}: values must be numbers, value ${bad} is NaN`,
    )
  return bytes
}

function requireLength(
  found: number,
  wanted: number,
  name: string,
  dims: readonly number[],
  path: string,
): void {
  if (found === wanted) return
  throw fault(
    path,
    name,
    `must have ${wanted} bytes for shape [${dims.join(', ')}], current size is ${found}`,
  )
}

function fault(path: string, name: string, complaint: string, cause?: unknown): TypeError {
  return new TypeError(`Cannot load ${path}: constant '${name}' ${complaint}`, { cause })
}
