/**
 * Every MQTT message of a transfer is a chunk: a header and a slice of the frame. Small messages keep the link free
 * for others between them (a whole megabyte would block it for its own duration), and one mechanism serves all sizes:
 * a small frame is one chunk. Little endian:
 *
 * | offset | bytes | field |
 * |---|---|---|
 * | 0 | 1 | magic `C` |
 * | 1 | 1 | version, 2; bit 7 set: the frame is whole, and all that follows |
 * | 2 | 2 | index, below count |
 * | 4 | 2 | count, at least 2 |
 * | 6 | 4 | total length of the frame |
 * | 10 | | slice |
 *
 * All slices are ceil(total / count) bytes long, the last one what is left and at least 1: so each chunk can be checked
 * alone, in any order.
 */
export type ChunkErrorCode = 'magic' | 'version' | 'length' | 'limit' | 'inconsistent'

/** A message that is not a chunk, claims too much, or contradicts the chunks before it. */
export class ChunkError extends Error {
  override readonly name = 'ChunkError'
  readonly code: ChunkErrorCode

  constructor(code: ChunkErrorCode, message: string) {
    super(message)
    this.code = code
  }
}

/** Of a frame in one chunk, and of one in several. */
export const wholeHeaderBytes = 2
const chunkHeaderBytes = 10
const magic = 0x43
const version = 2
const wholeFlag = 0x80

export interface ChunkHeader {
  /** After which the slice begins. */
  readonly headerBytes: number
  readonly index: number
  readonly count: number
  readonly totalBytes: number
}

export interface SplitOptions {
  /** Largest slice. Default 32 KiB. */
  readonly chunkBytes?: number
  /** A frame up to this size is one chunk: splitting it would cost more than it frees. Default 48 KiB. */
  readonly singleBytes?: number
}

/**
 * The messages of a transfer, in order; their slices are copies.
 * @throws {RangeError} where the frame is empty or needs more than 65535 chunks.
 */
export function splitIntoChunks(frame: Uint8Array, options: SplitOptions = {}): Uint8Array<ArrayBuffer>[] {
  const { chunkBytes = 32 * 1024, singleBytes = 48 * 1024 } = options
  if (!Number.isInteger(chunkBytes) || chunkBytes < 1) {
    throw new RangeError(
      `Cannot split frame: chunkBytes must be a positive integer, current value is ${chunkBytes}`,
    )
  }
  const count = frame.length <= singleBytes ? 1 : Math.ceil(frame.length / chunkBytes)
  if (frame.length < 1 || frame.length > 0xffff_ffff || count > 0xffff) {
    throw new RangeError(
      `Cannot split frame: it must fill 1 to 65535 chunks of ${chunkBytes} bytes, current length is ${frame.length}`,
    )
  }
  if (count === 1) return [wholeChunk(frame)]
  const sliceBytes = Math.ceil(frame.length / count)
  return Array.from({ length: count }, (_, index) => {
    const slice = frame.subarray(index * sliceBytes, (index + 1) * sliceBytes)
    const chunk = new Uint8Array(chunkHeaderBytes + slice.length)
    const view = new DataView(chunk.buffer)
    view.setUint8(0, magic)
    view.setUint8(1, version)
    view.setUint16(2, index, true)
    view.setUint16(4, count, true)
    view.setUint32(6, frame.length, true)
    chunk.set(slice, chunkHeaderBytes)
    return chunk
  })
}

function wholeChunk(frame: Uint8Array): Uint8Array<ArrayBuffer> {
  const chunk = new Uint8Array(wholeHeaderBytes + frame.length)
  chunk[0] = magic
  chunk[1] = version | wholeFlag
  chunk.set(frame, wholeHeaderBytes)
  return chunk
}

/**
 * Header of a chunk whose slice has the length that the header asks for.
 * @throws {ChunkError}
 */
export function readChunkHeader(chunk: Uint8Array): ChunkHeader {
  requireLonger(chunk, wholeHeaderBytes)
  if (chunk[0] !== magic) throw new ChunkError('magic', 'Cannot read chunk: it must start with "C"')
  const isWhole = (chunk[1]! & wholeFlag) !== 0
  if ((chunk[1]! & ~wholeFlag) !== version) {
    throw new ChunkError(
      'version',
      `Cannot read chunk: version must be ${version}, current value is ${chunk[1]! & ~wholeFlag}`,
    )
  }
  if (isWhole)
    return {
      headerBytes: wholeHeaderBytes,
      index: 0,
      count: 1,
      totalBytes: chunk.length - wholeHeaderBytes,
    }
  requireLonger(chunk, chunkHeaderBytes)
  const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.length)
  const index = view.getUint16(2, true)
  const count = view.getUint16(4, true)
  const totalBytes = view.getUint32(6, true)
  const sliceBytes = Math.ceil(totalBytes / count)
  const expected = index < count - 1 ? sliceBytes : totalBytes - sliceBytes * (count - 1)
  // A count of 0 makes the slice infinite or NaN, a last slice without bytes makes expected 0 or less: both differ.
  if (
    count < 2 ||
    index >= count ||
    chunk.length - chunkHeaderBytes !== expected ||
    totalBytes - sliceBytes * (count - 1) < 1
  ) {
    throw new ChunkError(
      'length',
      `Cannot read chunk: slice must fit its header, current value is ${chunk.length - chunkHeaderBytes} bytes as ${index} of ${count} for ${totalBytes}`,
    )
  }
  return { headerBytes: chunkHeaderBytes, index, count, totalBytes }
}

function requireLonger(chunk: Uint8Array, bytes: number): void {
  if (chunk.length > bytes) return
  throw new ChunkError(
    'length',
    `Cannot read chunk: it must be longer than ${bytes} bytes, current value is ${chunk.length}`,
  )
}
