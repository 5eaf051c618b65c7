import type { ValuesSpec } from '../model-graph/manifest.ts'
import { elementCount } from '../tensor/element-count.ts'
import type { TensorValue } from '../tensor/tensor-value.ts'
import { describeReceived } from './describe-received.ts'
import { InputError } from './input-error.ts'
import { valueAt } from './json-path.ts'

export interface ValuesMessage {
  readonly payload: Uint8Array
  /** As the sender declares it: `application/json`, or `application/octet-stream` for raw numbers. */
  readonly contentType?: string | undefined
}

/** How a raw number stands in a message, little endian. */
const rawTypes = {
  float32: { bytes: 4, read: (view: DataView, at: number) => view.getFloat32(at, true) },
  float64: { bytes: 8, read: (view: DataView, at: number) => view.getFloat64(at, true) },
  int32: { bytes: 4, read: (view: DataView, at: number) => view.getInt32(at, true) },
  int16: { bytes: 2, read: (view: DataView, at: number) => view.getInt16(at, true) },
  uint8: { bytes: 1, read: (view: DataView, at: number) => view.getUint8(at) },
} as const

/**
 * A sample for a model that takes numbers: JSON (flat, nested, `{"values": ...}`, objects by the names of the last axis,
 * or a list of such objects) or raw numbers. Normalised as the manifest says. Time and memory grow with the message.
 * @param jsonPath Where the publisher's JSON holds the numbers.
 * @throws {InputError} that says what was received and what was wanted.
 */
export function readValues(message: ValuesMessage, input: ValuesSpec, jsonPath?: string): TensorValue {
  return asTensor(
    isJson(message, input) ? fromJson(message, input, jsonPath) : fromRaw(message, input),
    input,
  )
}

/** A sample that stands in JSON, as {@link readValues}. @param place Its name, for messages. */
export function readNumbers(json: unknown, input: ValuesSpec, place: string): TensorValue {
  const numbers: number[] = []
  flatten(json, input, numbers, [place])
  return asTensor(numbers, input, place)
}

/** @throws {InputError} for a message that is no JSON object, or has none at `jsonPath`. */
export function readObject({ payload }: ValuesMessage, jsonPath?: string): Readonly<Record<string, unknown>> {
  const json = parsed(payload)
  const at = jsonPath === undefined || json === undefined ? json : valueAt(json, jsonPath)
  if (typeof at === 'object' && at !== null && !Array.isArray(at)) return at as Record<string, unknown>
  const code = payload.length === 0 ? 'empty' : 'unsupported'
  const received = json === undefined ? describeReceived(payload) : 'it is other JSON'
  throw new InputError(code, `Cannot read numbers: the message must be a JSON object; ${received}`)
}

function asTensor(numbers: readonly number[], input: ValuesSpec, place?: string): TensorValue {
  if (numbers.length !== elementCount(input.shape))
    throw refusal(input, `${place ?? 'it'} holds ${numbers.length} numbers`)
  const bad = numbers.findIndex((value) => !Number.isFinite(value))
  if (bad >= 0) throw refusal(input, `value ${bad} is ${numbers[bad]}`)
  return { shape: [1, ...input.shape], data: normalised(numbers, input) }
}

/** Also whitespace before it, which JSON allows. */
function isJson({ payload, contentType }: ValuesMessage, input: ValuesSpec): boolean {
  const type = contentType?.split(';')[0]!.trim().toLowerCase()
  if (type !== undefined && /[/+]json$/.test(type)) return true
  if (type === 'application/octet-stream') return false
  // Raw numbers of that length may begin with any byte.
  if (payload.length === rawBytes(input)) return isWholeJson(payload)
  return true
}

function isWholeJson(payload: Uint8Array): boolean {
  if (!/^[\s[{]/.test(String.fromCharCode(payload[0] ?? 0))) return false
  return parsed(payload) !== undefined
}

function parsed(payload: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload)) as unknown
  } catch {
    return undefined
  }
}

function rawBytes({ shape, dtype = 'float32' }: ValuesSpec): number {
  return elementCount(shape) * rawTypes[dtype].bytes
}

function fromRaw({ payload }: ValuesMessage, input: ValuesSpec): number[] {
  const { bytes, read } = rawTypes[input.dtype ?? 'float32']
  if (payload.length !== rawBytes(input)) throw refusal(input, `it has ${payload.length} bytes`)
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength)
  return Array.from({ length: payload.length / bytes }, (_, i) => read(view, i * bytes))
}

function fromJson({ payload }: ValuesMessage, input: ValuesSpec, jsonPath: string | undefined): number[] {
  const json = parsed(payload)
  if (json === undefined) {
    const code = payload.length === 0 ? 'empty' : 'unsupported'
    throw refusal(input, `${describeReceived(payload)} (${payload.length} bytes)`, code)
  }
  const at = jsonPath === undefined ? json : valueAt(json, jsonPath)
  if (jsonPath !== undefined && at === undefined) throw refusal(input, `there is nothing at ${jsonPath}`)
  const numbers: number[] = []
  flatten(at, input, numbers, [])
  return numbers
}

/** Appends the numbers of nested lists, and of objects by name. */
function flatten(value: unknown, input: ValuesSpec, into: number[], path: readonly string[]): void {
  if (typeof value === 'number') into.push(value)
  else if (Array.isArray(value))
    for (const [i, each] of value.entries()) flatten(each, input, into, [...path, String(i)])
  else if (typeof value === 'object' && value !== null) flattenObject(value, input, into, path)
  else throw refusal(input, `at ${path.join('.') || 'its top'} is ${JSON.stringify(value)}`)
}

function flattenObject(value: object, input: ValuesSpec, into: number[], path: readonly string[]): void {
  const { names } = input
  const fields = value as Readonly<Record<string, unknown>>
  if (Object.hasOwn(value, 'values') && names === undefined)
    return flatten(fields['values'], input, into, path)
  const missing = names?.find((name) => !Object.hasOwn(value, name))
  if (names === undefined || missing !== undefined)
    throw refusal(
      input,
      names === undefined
        ? `its fields are ${Object.keys(value).slice(0, 8).join(', ')}, and the manifest names none`
        : `field ${missing} is missing${path.length === 0 ? '' : ` at ${path.join('.')}`}`,
    )
  const columns = names.map((name) => {
    const column: number[] = []
    flatten(fields[name], input, column, [...path, name])
    return column
  })
  const rows = columns[0]!.length
  const uneven = columns.findIndex((column) => column.length !== rows)
  if (uneven > 0)
    throw refusal(
      input,
      `field ${names[uneven]} has ${columns[uneven]!.length} numbers and ${names[0]} has ${rows}`,
    )
  for (let row = 0; row < rows; row++) for (const column of columns) into.push(column[row]!)
}

function normalised(
  numbers: readonly number[],
  { shape, mean, scale }: ValuesSpec,
): Float32Array<ArrayBuffer> {
  const width = shape.at(-1)!
  const at = (given: number | readonly number[] | undefined, absent: number, i: number) =>
    typeof given === 'object' ? given[i % width]! : (given ?? absent)
  return Float32Array.from(numbers, (value, i) => (value - at(mean, 0, i)) / at(scale, 1, i))
}

function refusal(
  input: ValuesSpec,
  received: string,
  code: 'bad-input' | 'empty' | 'unsupported' = 'bad-input',
) {
  const { shape, dtype = 'float32', names } = input
  const named = names === undefined ? '' : `, or objects with ${names.join(', ')}`
  return new InputError(
    code,
    `Cannot read numbers: the message must be JSON with ${elementCount(shape)} numbers [${shape.join(', ')}]${named}, or ${rawBytes(input)} bytes of little-endian ${dtype}; ${received}`,
  )
}
