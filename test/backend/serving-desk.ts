import type { Finished } from '../../backend/measure-tails.ts'
import type { PreparedRequest } from '../../backend/prepare-request.ts'
import type { Preparation, QueueLimits } from '../../backend/request-queue.ts'
import { type Server, Serving } from '../../backend/serving.ts'
import { VirtualClock } from '../../lab/replay/virtual-clock.ts'
import { type Deferred, deferred } from '../../src/async/deferred.ts'
import { blankImage } from '../../src/codec/image-codecs.ts'
import type { Frame, RequestFrame } from '../../src/transport/frame-content.ts'

const limits: QueueLimits = { maxBytes: 1e6, maxRequests: 50, maxWaitMs: 1e6, maxPrepared: 6, slackMs: 50 }

/** An engine whose calls end when the test says so. */
export class Engine implements Server {
  readonly name = 'engine'
  readonly hash: string
  readonly calls: { requests: number; signal: AbortSignal; end: Deferred<void> }[] = []
  decoding: Deferred<void>[] = []
  batch = 1

  constructor(hash: string) {
    this.hash = hash
  }

  batchLimit(): number {
    return this.batch
  }

  callMs(_: string, requests: number): number {
    return 10 * requests
  }

  async preparation(request: RequestFrame): Promise<Preparation> {
    return request.codec === 'received' ? 'cheap' : 'none'
  }

  async prepare(request: RequestFrame): Promise<PreparedRequest> {
    if (request.codec === 'received') {
      const decoded = deferred<void>()
      this.decoding.push(decoded)
      await decoded.promise
    }
    const wound = { id: request.wound, tensors: [0], head: [] }
    return { wound, input: { kind: 'values', tensors: [0], values: [] }, decodeMs: 5 }
  }

  async finish(requests: readonly PreparedRequest[], signal: AbortSignal): Promise<Finished[]> {
    const end = deferred<void>()
    signal.addEventListener('abort', () => end.reject(new Error('cancelled')))
    this.calls.push({ requests: requests.length, signal, end })
    await end.promise
    return requests.map(() => ({
      codec: 'float16',
      encoded: [],
      elapsedMs: 20,
      shareMs: 20 / requests.length,
    }))
  }

  freeAtMs(): number {
    return 0
  }

  prepareTail(): void {}
}

export const picture = await blankImage(8, 8)

/** A `Serving` in virtual time, and what it has answered. */
export class Desk {
  readonly clock = new VirtualClock()
  readonly serving: Serving
  readonly answers = new Map<string, Frame>()

  constructor(engines: readonly Engine[], changed: Partial<QueueLimits> = {}) {
    this.serving = new Serving({
      servers: engines,
      limits: { ...limits, ...changed },
      clock: this.clock,
      log: () => undefined,
    })
  }

  async ask(
    key: string,
    fields: Partial<RequestFrame> = {},
    sender = 'pi',
    reply: (answer: Frame) => void = (answer) => this.answers.set(key, answer),
  ): Promise<void> {
    const frame: RequestFrame = {
      kind: 'request',
      model: 'm',
      wound: 'w',
      codec: 'float32',
      timeLeftMs: 1e5,
      parts: [picture],
      ...fields,
    }
    await this.serving.accept({ key, sender, frame, reply })
  }

  /** What each request got: a failure's code or a result. */
  get outcomes(): Record<string, string> {
    const text = (frame: Frame) => (frame.kind === 'failure' ? frame.code : frame.kind)
    return Object.fromEntries([...this.answers].map(([key, frame]) => [key, text(frame)]))
  }
}
