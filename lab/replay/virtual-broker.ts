import type { IncomingMessage, OutgoingMessage } from '../../src/transport/message.ts'
import { matchesFilter } from '../../src/transport/topic-filter.ts'

export type Deliver = (message: IncomingMessage) => void

/** A broker of no size: hands messages to whoever has subscribed, at once, and keeps what is retained. */
export class VirtualBroker {
  private readonly subscriptions = new Set<{ readonly filter: string; readonly deliver: Deliver }>()
  private readonly retained = new Map<string, IncomingMessage>()

  publish({ topic, payload, retain, correlationData, responseTopic }: OutgoingMessage): void {
    const message = {
      topic,
      payload,
      retain: false,
      ...(correlationData !== undefined && { correlationData }),
      ...(responseTopic !== undefined && { responseTopic }),
    }
    if (retain) this.retained.set(topic, { ...message, retain })
    for (const { filter, deliver } of this.subscriptions) if (matchesFilter(filter, topic)) deliver(message)
  }

  /** @returns how to end it. */
  subscribe(filter: string, deliver: Deliver): () => void {
    const subscription = { filter, deliver }
    this.subscriptions.add(subscription)
    for (const message of this.retained.values()) if (matchesFilter(filter, message.topic)) deliver(message)
    return () => this.subscriptions.delete(subscription)
  }
}
