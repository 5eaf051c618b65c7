import { waitAtMost } from '../src/async/wait-at-most.ts'
import { samplesOf } from '../src/input/read-inputs.ts'
import type { Manifest } from '../src/model-graph/manifest.ts'
import type { IncomingMessage } from '../src/transport/message.ts'
import type { MqttSession } from '../src/transport/mqtt-session.ts'
import { Repetitions } from './correspondence.ts'
import type { InputStream } from './input-streams.ts'
import { RequestIds } from './published-result.ts'
import type { RequestPipeline } from './request-pipeline.ts'
import type { ResultPublisher } from './result-publisher.ts'

export interface InboxOptions {
  readonly session: Pick<MqttSession, 'subscribe'>
  readonly streams: readonly InputStream[]
  /** What a stream's model takes. */
  readonly manifestOf: (stream: string) => Manifest
  readonly pipeline: RequestPipeline
  readonly results: ResultPublisher
  /** Also what the broker has kept is answered. */
  readonly takesRetained: boolean
  /** Told after each answer. */
  readonly onAnswered: () => void
}

/** Until the broker takes no more inputs for an agent that is stopped, */
const unsubscribeMs = 1000
/** what is not answered by then is answered by an error, */
const finishMs = 1000
/** and the answers are to be acknowledged. */
const acknowledgeMs = 2000

/** Takes the inputs of all streams from their topics, and has each answered. */
export class Inbox {
  private readonly options: InboxOptions
  private readonly repetitions = new Repetitions()
  private readonly answering = new Set<Promise<void>>()
  private readonly unsubscribes: (() => Promise<void>)[] = []
  private readonly ids = new RequestIds(Date.now())

  constructor(options: InboxOptions) {
    this.options = options
  }

  async start(): Promise<void> {
    const { session, streams, takesRetained } = this.options
    for (const stream of streams) {
      const take = (message: IncomingMessage) => {
        const work = this.answer(stream, message).finally(() => this.answering.delete(work))
        this.answering.add(work)
        return work
      }
      this.unsubscribes.push(await session.subscribe(stream.input, take, { isFresh: !takesRetained }))
    }
  }

  /** Takes nothing more, finishes what is quick, answers the rest by an error; each for a bounded time. */
  async stop(): Promise<void> {
    const unsubscribes = this.unsubscribes.splice(0)
    await waitAtMost(unsubscribeMs, Promise.all(unsubscribes.map((unsubscribe) => unsubscribe())))
    await waitAtMost(finishMs, Promise.allSettled(this.answering))
    this.options.pipeline.stop()
    // Each ends with the acknowledgement of its result.
    await waitAtMost(acknowledgeMs, Promise.allSettled(this.answering))
  }

  private async answer(stream: InputStream, message: IncomingMessage): Promise<void> {
    const { manifestOf, pipeline, results, onAnswered } = this.options
    const { topic, payload, contentType, traceparent, expirySeconds, retain } = message
    // An empty message that is to be kept only drops the one that was.
    if ((retain && payload.length === 0) || this.repetitions.isRepetition(message)) return
    const request = {
      id: this.ids.idOf(message),
      stream: stream.name,
      source: stream.sourceOf(topic),
      topic,
      contentType,
      traceparent,
      timeLeftMs: Math.min(stream.deadlineMs, 1000 * (expirySeconds ?? Number.POSITIVE_INFINITY)),
    }
    const windows = samplesOf({ payload, contentType }, manifestOf(stream.name))
    for (const [window, sample] of windows.entries()) {
      const result = await pipeline.answer({ ...request, payload: sample })
      const isSilent =
        result === undefined || (!result.ok && result.error.code === 'shed' && !stream.shedReplies)
      if (!isSilent) await results.publish(message, windows.length === 1 ? result : { ...result, window })
    }
    onAnswered()
  }
}
