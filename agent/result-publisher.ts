import type { Log } from '../src/telemetry/log.ts'
import type { IncomingMessage } from '../src/transport/message.ts'
import type { MqttSession } from '../src/transport/mqtt-session.ts'
import { TransportError } from '../src/transport/transport-error.ts'
import { answerTopics } from './correspondence.ts'
import { publishedResult } from './published-result.ts'
import type { ResultMessage } from './request-message.ts'

export interface ResultPublisherOptions {
  readonly session: Pick<MqttSession, 'publish'>
  /** Where results go whose input names no other topic; below it where the source is known. */
  readonly topic: string
  readonly device: string
  readonly timeoutMs: number
  readonly log: Log
}

/** Brings results to whoever asked. */
export class ResultPublisher {
  private readonly options: ResultPublisherOptions

  constructor(options: ResultPublisherOptions) {
    this.options = options
  }

  /** Resolves when it is acknowledged, or logged that it is not. */
  async publish(
    { correlationData, responseTopic, traceparent }: IncomingMessage,
    result: ResultMessage,
  ): Promise<void> {
    const { session, topic: above, device, timeoutMs, log } = this.options
    const { source } = result
    const own = source === undefined ? above : `${above}/${source}`
    const correlation = correlationData === undefined ? {} : { correlationData }
    const trace = traceparent === undefined ? {} : { traceparent }
    const options = { qos: 1, kind: 'result', timeoutMs, ...correlation, ...trace } as const
    const text = publishedResult({ ...result, ...trace }, device, Date.now())
    for (const topic of answerTopics(own, responseTopic)) {
      try {
        await session.publish(topic, text, options)
        return
      } catch (error) {
        log('warn', 'a result was not published', { id: result.id, topic, error })
        if (!(error instanceof TransportError && error.code === 'refused')) return
      }
    }
  }
}
