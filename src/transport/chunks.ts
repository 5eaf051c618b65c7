/**
 * Every MQTT message of a transfer is a chunk: a header and a slice of the frame. Small messages keep the link free
 * for others between them (a whole megabyte would block it for its own duration), and one mechanism serves all sizes:
 * a small frame is one chunk. Little endian:
 *
 * | offset | bytes | field |
 * |---|---|---|
 * | 0 | 4 | magic `SURC` |
 * | 4 | 1 | version, 1 |
 * | 5 | 1 | reserved, 0 |
 * | 6 | 2 | index, below count |
 * | 8 | 2 | count |
 * | 10 | 4 | total length of the frame, at least 1 |
 * | 14 | | slice |
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

export const chunkHeaderBytes = 14
const magic = 0x4352_5553
const version = 1

export interface ChunkHeader {
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
  const sliceBytes = Math.ceil(frame.length / count)
  return Array.from({ length: count }, (_, index) => {
    const slice = frame.subarray(index * sliceBytes, (index + 1) * sliceBytes)
    const chunk = new Uint8Array(chunkHeaderBytes + slice.length)
    const view = new DataView(chunk.buffer)
    view.setUint32(0, magic, true)
    view.setUint8(4, version)
    view.setUint16(6, index, true)
    view.setUint16(8, count, true)
    view.setUint32(10, frame.length, true)
    chunk.set(slice, chunkHeaderBytes)
    return chunk
  })
}

/**
 * Header of a chunk whose slice has the length that the header asks for.
 * @throws {ChunkError}
 */
export function readChunkHeader(chunk: Uint8Array): ChunkHeader {
  if (chunk.length <= chunkHeaderBytes) {
    throw new ChunkError(
      'length',
      `Cannot read chunk: it must be longer than ${chunkHeaderBytes} bytes, current value is ${chunk.length}`,
    )
  }
  const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.length)
  if (view.getUint32(0, true) !== magic) {
    throw new ChunkError('magic', 'Cannot read chunk: it must start with "SURC"')
  }
  if (view.getUint8(4) !== version || view.getUint8(5) !== 0) {
    throw new ChunkError(
      'version',
      `Cannot read chunk: version must be ${version}, current value is ${view.getUint8(4)}`,
    )
  }
  const index = view.getUint16(6, true)
  const count = view.getUint16(8, true)
  const totalBytes = view.getUint32(10, true)
  const sliceBytes = Math.ceil(totalBytes / count)
  const expected = index < count - 1 ? sliceBytes : totalBytes - sliceBytes * (count - 1)
  // A count of 0 makes the slice infinite or NaN, a last slice without bytes makes expected 0 or less: both differ.
  if (
    index >= count ||
    chunk.length - chunkHeaderBytes !== expected ||
    totalBytes - sliceBytes * (count - 1) < 1
  ) {
    throw new ChunkError(
      'length',
      `Cannot read chunk: slice must fit its header, current value is ${chunk.length - chunkHeaderBytes} bytes as ${index} of ${count} for ${totalBytes}`,
    )
  }
  return { index, count, totalBytes }
}
