import { InputError } from './input-error.ts'
import type { ValuesMessage } from './read-values.ts'

/**
 * What NNStreamer's `mqttsink` puts before the memory blocks of a buffer (`GstMQTTMessageHdr`, gst/mqtt/mqttcommon.h):
 * 1024 bytes, little endian.
 *
 * | offset | |
 * |---|---|
 * | 0 | number of blocks, u32, 16 at most |
 * | 8 | length of each block, u64, 16 of them |
 * | 136 | base time and time of sending since the epoch, i64 each; duration, dts, pts, u64 each |
 * | 176 | what the blocks are (GStreamer's caps), text that ends in 0, 512 bytes at most |
 */
const headerBytes = 1024
const mostBlocks = 16
const lengthsAt = 8
const capsAt = 176
const capsBytes = 512

/**
 * A message without that header: its blocks, which follow each other, as what their caps say they are.
 * @throws {InputError} where the header is none, or the blocks are not all there.
 */
export function withoutNnstreamerHeader({ payload }: ValuesMessage): ValuesMessage {
  const { byteLength } = payload
  if (byteLength < headerBytes) throw refusal(`it has ${byteLength} bytes`)
  const view = new DataView(payload.buffer, payload.byteOffset, byteLength)
  const blocks = view.getUint32(0, true)
  if (blocks < 1 || blocks > mostBlocks) throw refusal(`it names ${blocks} blocks`)
  let length = 0n
  for (let i = 0; i < blocks; i++) length += view.getBigUint64(lengthsAt + 8 * i, true)
  if (length !== BigInt(byteLength - headerBytes))
    throw refusal(`it names ${length} bytes of blocks, ${byteLength - headerBytes} follow`)
  const caps = textAt(payload, capsAt, capsBytes)
  if (/format=\(string\)flexible/.test(caps))
    throw refusal(
      'its tensors are flexible: give them a fixed size (tensor_converter, other/tensors,format=static)',
    )
  const contentType = caps.startsWith('other/tensor') ? 'application/octet-stream' : undefined
  return { payload: payload.subarray(headerBytes), contentType }
}

/** The header of a message with one block of so many bytes. @param caps What it is. */
export function nnstreamerHeader(bytes: number, caps = ''): Uint8Array {
  const header = Buffer.alloc(headerBytes)
  header.writeUInt32LE(1, 0)
  header.writeBigUInt64LE(BigInt(bytes), lengthsAt)
  header.write(caps, capsAt, capsBytes - 1)
  return header
}

function textAt(bytes: Uint8Array, at: number, most: number): string {
  const field = bytes.subarray(at, at + most)
  const end = field.indexOf(0)
  return new TextDecoder().decode(end < 0 ? field : field.subarray(0, end))
}

function refusal(received: string): InputError {
  return new InputError(
    'bad-input',
    `Cannot read the message: it must begin with the ${headerBytes} bytes of NNStreamer's mqttsink (input.header is nnstreamer); ${received}`,
  )
}
