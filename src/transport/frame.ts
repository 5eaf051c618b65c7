/**
 * The frame: what agent and worker say to each other (`frame-content.ts`) as bytes. Everything is little endian, nothing
 * is padded. A *number* is whole, 7 bits a byte, the lowest first, bit 7 set in all bytes but the last (LEB128, four bytes
 * at most). A string is its UTF-8 length (number) and its bytes. A time is milliseconds, binary32, finite, not negative.
 *
 * | offset | bytes | field |
 * |---|---|---|
 * | 0 | 2 | magic `SG` |
 * | 2 | 1 | version, 3 |
 * | 3 | 1 | kind: 1 request, 2 result, 3 failure, 4 cancellation, 5 question for a model's card, 6 such a card |
 * | 4 | 1 | request and result: number of parts, bit 7 see there; failure: code, index in {@link failureCodes}; cancellation: bytes of the id, 8 to 16; card and question: 0 |
 *
 * | request, from 5 | bytes |
 * |---|---|
 * | the first half of the model's hash | 8 |
 * | time left, whole milliseconds | number |
 * | wound, codec | strings |
 * | only where bit 7 of byte 4 is set: how the outputs are to be condensed: `softmax 5`, `logits 3 1` (kind, rows, and the output where it is not the first), or another `AnswerSpec` as JSON | string |
 * | per part but for the last: its length, its bytes; the last is the rest of the frame | numbers |
 *
 * A request's parts are the tensors that cross at the wound, in the wound's order; their shapes are the model's.
 *
 * | result, from 5; bit 7 of byte 4: the picture was damaged | bytes |
 * |---|---|
 * | queue, decode, elapsed and share | 4 each, times |
 * | codec | string |
 * | per part: rank u8, one number per axis, but for the last its length, its bytes; the last is the rest | |
 *
 * | failure, from 5 | bytes |
 * |---|---|
 * | only `overloaded`: the wait | 4, time |
 * | message | string |
 *
 * | cancellation, from 5 | bytes |
 * |---|---|
 * | correlation id of the request that is given up | as byte 4 says |
 *
 * | question, from 5 | bytes |
 * |---|---|
 * | the first half of the model's hash | 8 |
 *
 * | card, from 5 | bytes |
 * |---|---|
 * | the card (`src/codec/model-card.ts`) as JSON, in UTF-8 | the rest |
 *
 * What a frame answers and how long it is say the message's properties: it is sent whole, or in chunks (`chunks.ts`).
 */
import type { AnswerSpec } from '../answer/answer-spec.ts'
import { answerWords, readAnswerWords } from '../answer/answer-words.ts'
import {
  type CancelFrame,
  type FailureCode,
  type FailureFrame,
  type Frame,
  failureCodes,
  leastIdBytes,
  modelDigits,
  mostIdBytes,
  type Part,
  type RequestFrame,
  type RequestHead,
  type ResultFrame,
} from './frame-content.ts'
import { FrameError } from './frame-error.ts'
import { defaultFrameLimits, type FrameLimits } from './frame-limits.ts'
import { FrameReader } from './frame-reader.ts'
import { FrameWriter } from './frame-writer.ts'

const magic = 0x4753
const version = 3
const kinds = ['request', 'result', 'failure', 'cancel', 'describe', 'description'] as const
/** Of the byte that counts parts. */
const flag = 0x80

/**
 * @throws {FrameError} `limit` or `value` where a field could not be decoded again under the default limits.
 */
export function encodeFrame(frame: Frame): Uint8Array<ArrayBuffer> {
  const writer = new FrameWriter(defaultFrameLimits)
  writer.u16(magic)
  writer.u8(version)
  writer.u8(kinds.indexOf(frame.kind) + 1)
  switch (frame.kind) {
    case 'request':
      writeRequest(writer, frame)
      break
    case 'result':
      writeResult(writer, frame)
      break
    case 'failure':
      writer.u8(codeIndex(frame.code))
      if (frame.code === 'overloaded') writer.duration('waitMs', frame.waitMs)
      writer.string('message', frame.message)
      break
    case 'cancel':
      writer.u8(checkIdBytes('encode', frame.request.length / 2))
      writer.hex('request', frame.request, frame.request.length)
      break
    case 'describe':
      writer.u8(0)
      writer.hex('model', frame.model, modelDigits)
      break
    case 'description':
      writer.u8(0)
      writer.bytes(frame.card, true)
  }
  return writer.finish()
}

function writeRequest(writer: FrameWriter, frame: RequestFrame): void {
  const { answer, parts } = frame
  writer.count('parts', parts.length, answer === undefined ? 0 : flag)
  writer.hex('model', frame.model, modelDigits)
  writer.number('timeLeftMs', frame.timeLeftMs)
  writer.string('wound', frame.wound)
  writer.string('codec', frame.codec)
  if (answer !== undefined) writer.string('answer', answerWords(answer))
  for (const [i, bytes] of parts.entries()) writer.bytes(bytes, i === parts.length - 1)
}

function writeResult(writer: FrameWriter, frame: ResultFrame): void {
  const { parts, isDamaged } = frame
  writer.count('parts', parts.length, isDamaged ? flag : 0)
  writer.duration('queueMs', frame.queueMs)
  writer.duration('decodeMs', frame.decodeMs)
  writer.duration('elapsedMs', frame.elapsedMs)
  writer.duration('shareMs', frame.shareMs)
  writer.string('codec', frame.codec)
  for (const [i, { shape, bytes }] of parts.entries()) {
    writer.shape(shape)
    writer.bytes(bytes, i === parts.length - 1)
  }
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

/** @param bytes A frame's first. @throws {FrameError} where they are not a request's, or too few. */
export function readRequestHead(bytes: Uint8Array): RequestHead {
  const reader = new FrameReader(bytes, defaultFrameLimits)
  const kind = readKind(reader)
  if (kind !== 'request')
    throw new FrameError('value', `Cannot decode frame: kind must be request, current value is ${kind}`)
  reader.count('parts', flag)
  return readHead(reader)
}

function readHead(reader: FrameReader): RequestHead {
  const model = reader.hex(modelDigits)
  const timeLeftMs = reader.number()
  const wound = reader.string('wound')
  return { model, timeLeftMs, wound, codec: reader.string('codec') }
}

function readKind(reader: FrameReader): Frame['kind'] {
  if (reader.u16() !== magic) {
    throw new FrameError('magic', 'Cannot decode frame: it must start with "SG"')
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
      return readRequest(reader)
    case 'result':
      return readResult(reader)
    case 'describe':
      readNothing(reader)
      return { kind, model: reader.hex(modelDigits) }
    case 'description':
      readNothing(reader)
      return { kind, card: reader.bytes(true) }
  }
}

/** A byte that is kept for later. */
function readNothing(reader: FrameReader): void {
  const found = reader.u8()
  if (found !== 0)
    throw new FrameError('value', `Cannot decode frame: byte 4 must be 0, current value is ${found}`)
}

function readFailure(reader: FrameReader): FailureFrame {
  const index = reader.u8()
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
  return { kind: 'cancel', request: reader.hex(2 * checkIdBytes('decode', reader.u8())) }
}

function checkIdBytes(verb: 'encode' | 'decode', bytes: number): number {
  if (Number.isInteger(bytes) && bytes >= leastIdBytes && bytes <= mostIdBytes) return bytes
  throw new FrameError(
    'value',
    `Cannot ${verb} frame: the id of a cancelled request must have ${leastIdBytes} to ${mostIdBytes} bytes, current value is ${bytes}`,
  )
}

function readRequest(reader: FrameReader): RequestFrame {
  const { count, isSet } = reader.count('parts', flag)
  const head = readHead(reader)
  const answer = isSet ? { answer: readAnswer(reader.string('answer')) } : {}
  const parts: Uint8Array[] = []
  for (let i = 0; i < count; i++) parts.push(reader.bytes(i === count - 1))
  return { kind: 'request', ...head, ...answer, parts }
}

function readResult(reader: FrameReader): ResultFrame {
  const { count, isSet: isDamaged } = reader.count('parts', flag)
  const queueMs = reader.duration('queueMs')
  const decodeMs = reader.duration('decodeMs')
  const elapsedMs = reader.duration('elapsedMs')
  const shareMs = reader.duration('shareMs')
  const codec = reader.string('codec')
  const parts: Part[] = []
  for (let i = 0; i < count; i++) {
    const shape = reader.shape()
    parts.push({ shape, bytes: reader.bytes(i === count - 1) })
  }
  return { kind: 'result', codec, isDamaged, queueMs, decodeMs, elapsedMs, shareMs, parts }
}

function readAnswer(text: string): AnswerSpec {
  try {
    return readAnswerWords(text)
  } catch (error) {
    throw new FrameError('value', `Cannot decode frame: ${(error as Error).message}`)
  }
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
