import { collectGarbage } from '../memory/collect-garbage.ts'
import { layOutMessage, type MessageLayout } from './message-layout.ts'
import type { OnnxGraph } from './onnx-message.ts'

/** Constants that may be dead and not yet collected. */
const garbageBytes = 64 * 2 ** 20

/** Takes a model's bytes in order. What it is given is not kept by the giver. */
export interface MessageSink {
  message(bytes: Uint8Array<ArrayBuffer>): void | Promise<void>
  /** Of the external data, zeros between constants included. */
  data(bytes: Uint8Array<ArrayBuffer>): void | Promise<void>
}

/**
 * Reads one constant after the other and hands it on: no two are held at once.
 * @throws {TypeError} for a constant of wrong length; and what reading one or the sink throws.
 */
export async function writeMessage(layout: MessageLayout, sink: MessageSink): Promise<void> {
  let garbage = 0
  for (const { header, constant } of layout.parts) {
    await sink.message(header)
    if (constant === undefined) continue
    const { initializer, byteLength, padding } = constant
    garbage += byteLength
    if (garbage > garbageBytes) {
      collectGarbage()
      garbage = byteLength
    }
    const values = await initializer.values()
    if (values.byteLength !== byteLength) {
      throw new TypeError(
        `Cannot lower ${layout.name}: '${initializer.name}' must have ${byteLength} bytes, current value is ${values.byteLength}`,
      )
    }
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
    if (padding === undefined) await sink.message(bytes)
    else {
      await sink.data(new Uint8Array(padding))
      await sink.data(bytes)
    }
  }
}

/** The graph as an ONNX model in memory, which is allocated once: the peak is the message and one constant. */
export async function serialiseModel(graph: OnnxGraph): Promise<Uint8Array<ArrayBuffer>> {
  const layout = layOutMessage(graph)
  const bytes = new Uint8Array(layout.messageBytes)
  let position = 0
  await writeMessage(layout, {
    message(part) {
      bytes.set(part, position)
      position += part.length
    },
    data() {
      throw new RangeError(`Cannot lower ${layout.name}: a message in memory must hold all its constants`)
    },
  })
  return bytes
}
