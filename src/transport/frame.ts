/**
 * The frame: one request, result, failure or cancellation as bytes. Everything is little endian, nothing is padded, and
 * nothing may follow the last field. A string is its UTF-8 length (u16) and its bytes. A time is milliseconds, binary64,
 * finite, not negative.
 *
 * | offset | bytes | field |
 * |---|---|---|
 * | 0 | 4 | magic `SURG` |
 * | 4 | 1 | version, 2 |
 * | 5 | 1 | kind: 1 request, 2 result, 3 failure, 4 cancellation |
 * | 6 | 2 | request and result: number of parts; failure: code, index in {@link failureCodes}; cancellation: 0 |
 *
 * | request and result, from 8 | bytes |
 * |---|---|
 * | model hash | 16 |
 * | request: time left; result: queue, decode, elapsed and share | 8 each, times |
 * | wound, codec | strings |
 * | per part: name (unique), rank u8, one u32 per axis, length of bytes u32, bytes | |
 *
 * A request may say how its outputs are to be condensed: its last part is then named `answer`, has rank 0 and holds an
 * `AnswerSpec` as JSON.
 *
 * | failure, from 8 | bytes |
 * |---|---|
 * | only `overloaded`: the wait | 8, time |
 * | message | string |
 *
 * | cancellation, from 8 | bytes |
 * |---|---|
 * | correlation id of the request that is given up | 16 |
 */
import { type AnswerSpec, answerSpecSchema } from '../answer/answer-spec.ts'
import { FrameError } from './frame-error.ts'
import { defaultFrameLimits, type FrameLimits } from './frame-limits.ts'
import { FrameReader } from './frame-reader.ts'
import { FrameWriter } from './frame-writer.ts'

/** One tensor, encoded. `shape` is the decoded tensor's, batch axis included; empty for an encoded image. */
export interface Part {
  readonly name: string
  readonly shape: readonly number[]
  readonly bytes: Uint8Array
}

/** Why a worker did not answer. The order is the wire's: append only. */
export const failureCodes = [
  'unknown-model',
  'unknown-wound',
  'bad-frame',
  'bad-input',
  'expired',
  'overloaded',
  'internal',
  'bad-output',
  'stopping',
] as const
export type FailureCode = (typeof failureCodes)[number]

export interface RequestFrame {
  readonly kind: 'request'
  /** 32 hex digits, lower case. */
  readonly modelHash: string
  readonly wound: string
  readonly codec: string
  readonly timeLeftMs: number
  readonly parts: readonly Part[]
  /** How the outputs are to be condensed; the outputs themselves are wanted without. */
  readonly answer?: AnswerSpec
}

export interface ResultFrame {
  readonly kind: 'result'
  readonly modelHash: string
  readonly wound: string
  readonly codec: string
  /** All that it was at the worker without being computed: queue, decode and elapsed are the whole stay. */
  readonly queueMs: number
  /** Of its own picture. */
  readonly decodeMs: number
  /** Of the call of the engine that finished it, whoever else was finished in it. */
  readonly elapsedMs: number
  /** What of the call this request is charged with: all of it where it was alone. */
  readonly shareMs: number
  readonly parts: readonly Part[]
}

interface Failure<Code extends FailureCode> {
  readonly kind: 'failure'
  readonly code: Code
  readonly message: string
}

export type FailureFrame =
  | Failure<Exclude<FailureCode, 'overloaded'>>
  /** `waitMs` is how long it would have waited before it was begun. */
  | (Failure<'overloaded'> & { readonly waitMs: number })

/** The sender has given a request up: what waits is dropped, what runs is ended. It is not answered. */
export interface CancelFrame {
  readonly kind: 'cancel'
  /** The request's correlation id, 32 hex digits, lower case; the message that carries this frame has one of its own. */
  readonly request: string
}

export type Frame = RequestFrame | ResultFrame | FailureFrame | CancelFrame

const magic = 0x4752_5553
const version = 2
const kinds = ['request', 'result', 'failure', 'cancel'] as const

/**
 * @throws {FrameError} `limit` or `value` where a field could not be decoded again under the default limits.
 */
export function encodeFrame(frame: Frame): Uint8Array<ArrayBuffer> {
  const writer = new FrameWriter(defaultFrameLimits)
  writer.u32(magic)
  writer.u8(version)
  writer.u8(kinds.indexOf(frame.kind) + 1)
  if (frame.kind === 'failure') {
    writer.u16(codeIndex(frame.code))
    if (frame.code === 'overloaded') writer.duration('waitMs', frame.waitMs)
    writer.string('message', frame.message)
    return writer.finish()
  }
  if (frame.kind === 'cancel') {
    writer.u16(0)
    writer.bytes16('request', frame.request)
    return writer.finish()
  }
  const parts = frame.kind === 'request' ? withAnswer(frame) : frame.parts
  writer.count('parts', parts.length)
  writer.bytes16('modelHash', frame.modelHash)
  if (frame.kind === 'request') {
    writer.duration('timeLeftMs', frame.timeLeftMs)
  } else {
    writer.duration('queueMs', frame.queueMs)
    writer.duration('decodeMs', frame.decodeMs)
    writer.duration('elapsedMs', frame.elapsedMs)
    writer.duration('shareMs', frame.shareMs)
  }
  writer.string('wound', frame.wound)
  writer.string('codec', frame.codec)
  for (const part of parts) writer.part(part)
  return writer.finish()
}

/**
 * Reads a frame of unknown origin. The bytes of parts are views of `bytes`, not copies; every limit and length is
 * checked before anything is allocated.
 * @throws {FrameError}
 */
export function decodeFrame(bytes: Uint8Array, limits: Partial<FrameLimits> = {}): Frame {
  const reader = new FrameReader(bytes, { ...defaultFrameLimits, ...limits })
  const frame = readBody(reader, readKind(reader))
  reader.end()
  return frame
}

/** What the first bytes of a request say before the rest is there. */
export type RequestHead = Pick<RequestFrame, 'modelHash' | 'wound' | 'codec'>

/** @param bytes A frame's first. @throws {FrameError} where they are not a request's, or too few. */
export function readRequestHead(bytes: Uint8Array): RequestHead {
  const reader = new FrameReader(bytes, defaultFrameLimits)
  const kind = readKind(reader)
  if (kind !== 'request')
    throw new FrameError('value', `Cannot decode frame: kind must be request, current value is ${kind}`)
  reader.count('parts')
  const modelHash = reader.bytes16()
  reader.duration('timeLeftMs')
  return { modelHash, ...readNames(reader) }
}

function readKind(reader: FrameReader): Frame['kind'] {
  if (reader.u32() !== magic) {
    throw new FrameError('magic', 'Cannot decode frame: it must start with "SURG"')
  }
  const found = reader.u8()
  if (found !== version) {
    throw new FrameError(
      'version',
      `Cannot decode frame: version must be ${version}, current value is ${found}`,
    )
  }
  const kindNumber = reader.u8()
  const kind = kinds[kindNumber - 1]
  if (kind === undefined) {
    throw new FrameError(
      'value',
      `Cannot decode frame: kind must be 1 to ${kinds.length}, current value is ${kindNumber}`,
    )
  }
  return kind
}

function readBody(reader: FrameReader, kind: Frame['kind']): Frame {
  switch (kind) {
    case 'failure':
      return readFailure(reader)
    case 'cancel':
      return readCancel(reader)
    case 'request':
    case 'result':
      return readTensors(reader, kind)
  }
}

function readFailure(reader: FrameReader): FailureFrame {
  const index = reader.u16()
  const code = failureCodes[index]
  if (code === undefined) {
    throw new FrameError(
      'value',
      `Cannot decode frame: failure code must be below ${failureCodes.length}, current value is ${index}`,
    )
  }
  if (code !== 'overloaded') return { kind: 'failure', code, message: reader.string('message') }
  const waitMs = reader.duration('waitMs')
  return { kind: 'failure', code, waitMs, message: reader.string('message') }
}

function readCancel(reader: FrameReader): CancelFrame {
  const reserved = reader.u16()
  if (reserved !== 0) {
    throw new FrameError(
      'value',
      `Cannot decode frame: reserved must be 0 in a cancellation, current value is ${reserved}`,
    )
  }
  return { kind: 'cancel', request: reader.bytes16() }
}

function readTensors(reader: FrameReader, kind: 'request' | 'result'): Frame {
  const count = reader.count('parts')
  const modelHash = reader.bytes16()
  if (kind === 'request') {
    const timeLeftMs = reader.duration('timeLeftMs')
    const { parts, ...names } = readNamesAndParts(reader, count)
    return { kind, modelHash, timeLeftMs, ...names, ...withoutAnswer(parts) }
  }
  const queueMs = reader.duration('queueMs')
  const decodeMs = reader.duration('decodeMs')
  const elapsedMs = reader.duration('elapsedMs')
  const shareMs = reader.duration('shareMs')
  return { kind, modelHash, queueMs, decodeMs, elapsedMs, shareMs, ...readNamesAndParts(reader, count) }
}

function readNamesAndParts(
  reader: FrameReader,
  count: number,
): Pick<RequestFrame, 'wound' | 'codec' | 'parts'> {
  const names = readNames(reader)
  const parts: Part[] = []
  for (let i = 0; i < count; i++) parts.push(reader.part())
  return { ...names, parts }
}

const answerPart = 'answer'

function withAnswer({ parts, answer }: RequestFrame): readonly Part[] {
  if (answer === undefined) return parts
  return [...parts, { name: answerPart, shape: [], bytes: Buffer.from(JSON.stringify(answer)) }]
}

function withoutAnswer(parts: readonly Part[]): Pick<RequestFrame, 'parts' | 'answer'> {
  const last = parts.at(-1)
  if (last?.name !== answerPart || last.shape.length > 0) return { parts }
  return { parts: parts.slice(0, -1), answer: readAnswer(last.bytes) }
}

function readAnswer(bytes: Uint8Array): AnswerSpec {
  let json: unknown
  try {
    json = JSON.parse(Buffer.from(bytes).toString())
  } catch {
    json = undefined
  }
  const parsed = answerSpecSchema.safeParse(json)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw new FrameError(
    'value',
    `Cannot decode frame: answer must say how outputs are condensed, ${issue!.path.join('.')}: ${issue!.message}`,
  )
}

function readNames(reader: FrameReader): Pick<RequestFrame, 'wound' | 'codec'> {
  const wound = reader.string('wound')
  return { wound, codec: reader.string('codec') }
}

function codeIndex(code: FailureCode): number {
  const index = failureCodes.indexOf(code)
  if (index === -1) {
    throw new FrameError(
      'value',
      `Cannot encode frame: failure code must be one of ${failureCodes.join(', ')}, current value is "${code}"`,
    )
  }
  return index
}
