/**
 * The frame: one request, result or failure as bytes. Everything is little endian, nothing is padded, and nothing may
 * follow the last field. A string is its UTF-8 length (u16) and its bytes.
 *
 * | offset | bytes | field |
 * |---|---|---|
 * | 0 | 4 | magic `SURG` |
 * | 4 | 1 | version, 1 |
 * | 5 | 1 | kind: 1 request, 2 result, 3 failure |
 * | 6 | 2 | request and result: number of parts; failure: code, index in {@link failureCodes} |
 *
 * | request and result, from 8 | bytes |
 * |---|---|
 * | model hash | 16 |
 * | request: time left, ms; result: queue, decode and tail time, ms | 8 each, binary64, finite, not negative |
 * | wound, codec | strings |
 * | per part: name (unique), rank u8, one u32 per axis, length of bytes u32, bytes | |
 *
 * | failure, from 8 | bytes |
 * |---|---|
 * | message | string |
 */
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
}

export interface ResultFrame {
  readonly kind: 'result'
  readonly modelHash: string
  readonly wound: string
  readonly codec: string
  readonly queueMs: number
  readonly decodeMs: number
  readonly tailMs: number
  readonly parts: readonly Part[]
}

export interface FailureFrame {
  readonly kind: 'failure'
  readonly code: FailureCode
  readonly message: string
}

export type Frame = RequestFrame | ResultFrame | FailureFrame

const magic = 0x4752_5553
const version = 1
const kinds = ['request', 'result', 'failure'] as const

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
    writer.string('message', frame.message)
    return writer.finish()
  }
  writer.count('parts', frame.parts.length)
  writer.hash(frame.modelHash)
  if (frame.kind === 'request') {
    writer.duration('timeLeftMs', frame.timeLeftMs)
  } else {
    writer.duration('queueMs', frame.queueMs)
    writer.duration('decodeMs', frame.decodeMs)
    writer.duration('tailMs', frame.tailMs)
  }
  writer.string('wound', frame.wound)
  writer.string('codec', frame.codec)
  for (const part of frame.parts) writer.part(part)
  return writer.finish()
}

/**
 * Reads a frame of unknown origin. The bytes of parts are views of `bytes`, not copies; every limit and length is
 * checked before anything is allocated.
 * @throws {FrameError}
 */
export function decodeFrame(bytes: Uint8Array, limits: Partial<FrameLimits> = {}): Frame {
  const reader = new FrameReader(bytes, { ...defaultFrameLimits, ...limits })
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
    throw new FrameError('value', `Cannot decode frame: kind must be 1 to 3, current value is ${kindNumber}`)
  }
  const frame = kind === 'failure' ? readFailure(reader) : readTensors(reader, kind)
  reader.end()
  return frame
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
  return { kind: 'failure', code, message: reader.string('message') }
}

function readTensors(reader: FrameReader, kind: 'request' | 'result'): Frame {
  const count = reader.count('parts')
  const modelHash = reader.hash()
  if (kind === 'request') {
    const timeLeftMs = reader.duration('timeLeftMs')
    return { kind, modelHash, timeLeftMs, ...readNamesAndParts(reader, count) }
  }
  const queueMs = reader.duration('queueMs')
  const decodeMs = reader.duration('decodeMs')
  const tailMs = reader.duration('tailMs')
  return { kind, modelHash, queueMs, decodeMs, tailMs, ...readNamesAndParts(reader, count) }
}

function readNamesAndParts(
  reader: FrameReader,
  count: number,
): Pick<RequestFrame, 'wound' | 'codec' | 'parts'> {
  const wound = reader.string('wound')
  const codec = reader.string('codec')
  const parts: Part[] = []
  for (let i = 0; i < count; i++) parts.push(reader.part())
  return { wound, codec, parts }
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
