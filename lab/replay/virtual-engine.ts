import type { Clock } from '../../src/async/clock.ts'
import { after } from '../../src/async/clock.ts'
import { take } from '../../src/executor/claim.ts'
import type { RunReply, RunRequest } from '../../src/executor/inference-protocol.ts'
import {
  type OpenThread,
  RunCancelledError,
  type ThreadLink,
} from '../../src/executor/inference-thread-link.ts'
import type { TensorValue } from '../../src/tensor/tensor-value.ts'

export interface VirtualEngine {
  readonly clock: Clock
  /** What a segment takes if it begins now. */
  readonly segmentMs: (key: string) => number
  readonly encodeMs: (wound: string, codec: string) => number
  /** What crosses at a wound in a codec. */
  readonly encodedBytes: (wound: string, codec: string) => number
  /** The model's outputs, whatever was put in. */
  readonly outputs: readonly TensorValue[]
  /** Told what it was busy for. */
  readonly onBusy?: ((ms: number) => void) | undefined
}

/** An inference thread that computes nothing and takes as long as it is told, under a virtual clock. */
export function openVirtualThread(engine: VirtualEngine): OpenThread {
  let last: Promise<unknown> = Promise.resolve()
  const call: ThreadLink['call'] = (command, onBegin) => {
    const reply = last.then(() => {
      onBegin?.()
      if (command.kind !== 'run') return undefined
      if (!take(command.claim)) throw new RunCancelledError('Taken back before it began')
      return compute(engine, command.run, command.cancel)
    })
    last = reply.catch(() => undefined)
    return reply
  }
  return async () => ({ modelHash: '', call, abandon: () => undefined, close: async () => undefined })
}

async function compute(
  { clock, outputs, ...times }: VirtualEngine,
  { segments, encode, values }: RunRequest,
  cancel: Int32Array<SharedArrayBuffer>,
): Promise<RunReply> {
  const segmentMs: number[] = []
  for (const key of segments) {
    const ms = times.segmentMs(key)
    await after(clock, ms)
    times.onBusy?.(ms)
    if (Atomics.load(cancel, 0) !== 0) throw new RunCancelledError('Cancelled between two segments')
    segmentMs.push(ms)
  }
  const reply = { values: values ? outputs : [], segmentMs, decodeMs: 0 }
  if (encode === undefined) return { ...reply, encoded: [], encodeMs: 0 }
  const encodeMs = times.encodeMs(encode.wound, encode.codec)
  await after(clock, encodeMs)
  times.onBusy?.(encodeMs)
  const bytes = new Uint8Array(times.encodedBytes(encode.wound, encode.codec))
  return { ...reply, encoded: [{ shape: [1, 1], bytes }], encodeMs }
}
