import { linkedAbort } from '../async/linked-abort.ts'
import { type SplitOptions, splitIntoChunks } from './chunks.ts'
import type { PublishOptions, PublishReceipt } from './publishing.ts'
import { TransportError } from './transport-error.ts'
import { undividedChunks } from './window.ts'

/** The part of a session that a transfer needs. */
export interface Publisher {
  publish(topic: string, payload: Uint8Array, options: PublishOptions): Promise<PublishReceipt>
  /** Largest slice that is worth sending on this link; 32 KiB where it does not say. */
  chunkBytes?(): number
}

export interface TransferOptions extends SplitOptions {
  /** How long the frame is worth something; brokers drop chunks afterwards, in whole seconds rounded up. */
  readonly expiryMs: number
  readonly responseTopic?: string
  readonly signal?: AbortSignal
  /** For the whole transfer. */
  readonly timeoutMs: number
  /** Monotonic milliseconds. Default performance.now. */
  readonly now?: () => number
  /** Told of each chunk that leaves for the socket. */
  readonly onSent?: (bytes: number) => void
}

export interface TransferReceipt {
  /** Payload bytes of all chunks, their headers included. */
  readonly bytes: number
  readonly chunks: number
  /** From the call to the last acknowledgement. */
  readonly ms: number
}

/**
 * Sends a frame as chunks, QoS 1, in order; resolves when all are acknowledged. Only one chunk at a time waits in the
 * session's queue, so that a small message waits behind what is in flight, not behind whole transfers. When
 * one fails or the signal aborts, the chunks that have not left are not sent.
 * @throws {TransportError} as `MqttSession.publish`, and `unmatched` where the broker says that nobody takes it. {@link RangeError} for an empty frame.
 */
export async function sendFrame(
  session: Publisher,
  topic: string,
  correlationId: Uint8Array,
  frame: Uint8Array,
  options: TransferOptions,
): Promise<TransferReceipt> {
  const { expiryMs, responseTopic, timeoutMs, now = () => performance.now() } = options
  const startedMs = now()
  const { signal, abort, release } = linkedAbort(...(options.signal === undefined ? [] : [options.signal]))
  const { chunkBytes = session.chunkBytes?.() ?? 32 * 1024 } = options
  const { singleBytes = undividedChunks * chunkBytes } = options
  const chunks = splitIntoChunks(frame, { chunkBytes, singleBytes })
  const acks: Promise<PublishReceipt>[] = []
  let leftBytes = frame.length
  for (const chunk of chunks) {
    let left: () => void = () => {}
    const sent = new Promise<void>((resolve) => {
      left = resolve
    })
    const ack = session.publish(topic, chunk, {
      qos: 1,
      correlationData: correlationId,
      expirySeconds: Math.max(1, Math.ceil(expiryMs / 1000)),
      signal,
      leftBytes,
      timeoutMs: Math.max(0, timeoutMs - (now() - startedMs)),
      onSent: () => {
        options.onSent?.(chunk.length)
        left()
      },
      ...(responseTopic !== undefined && { responseTopic }),
    })
    acks.push(ack)
    leftBytes -= chunk.length
    // The first failure of any chunk ends the rest; Promise.all below reports it.
    ack.catch(abort)
    await Promise.race([sent, ack.catch(() => {})])
    if (signal.aborted) break
  }
  const receipts = await Promise.all(acks).finally(release)
  if (receipts.some(({ isUnmatched }) => isUnmatched))
    throw new TransportError('unmatched', `Cannot send frame to ${topic}: nobody subscribes to it`)
  if (acks.length < chunks.length) {
    throw new TransportError('aborted', `Cannot send frame to ${topic}: the caller gave up`, {
      cause: signal.reason,
    })
  }
  return {
    bytes: chunks.reduce((sum, chunk) => sum + chunk.length, 0),
    chunks: chunks.length,
    ms: now() - startedMs,
  }
}
