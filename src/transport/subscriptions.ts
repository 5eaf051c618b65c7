import type { IncomingMessage } from './message.ts'
import { matchesFilter } from './topic-filter.ts'

/** May return a promise; what it throws or rejects with is logged, never thrown on. */
export type MessageHandler = (message: IncomingMessage) => unknown

export interface Subscription {
  readonly filter: string
  readonly qos: 0 | 1
  readonly handler: MessageHandler
}

/** Who wants which messages, whatever the connection. */
export class Subscriptions {
  readonly #entries = new Set<Subscription>()
  readonly #onFailure: (topic: string, error: unknown) => void

  constructor(onFailure: (topic: string, error: unknown) => void) {
    this.#onFailure = onFailure
  }

  /** Returns how to remove it; that says whether its filter has no subscription any more because of it. */
  add(subscription: Subscription): () => boolean {
    this.#entries.add(subscription)
    return () => this.#entries.delete(subscription) && !this.filters().has(subscription.filter)
  }

  /** Each filter once, with the highest QoS asked for. */
  filters(): Map<string, 0 | 1> {
    const filters = new Map<string, 0 | 1>()
    for (const { filter, qos } of this.#entries) filters.set(filter, filters.get(filter) === 1 ? 1 : qos)
    return filters
  }

  deliver(message: IncomingMessage): void {
    for (const { filter, handler } of this.#entries) {
      if (matchesFilter(filter, message.topic)) void this.#run(handler, message)
    }
  }

  async #run(handler: MessageHandler, message: IncomingMessage): Promise<void> {
    try {
      await handler(message)
    } catch (error) {
      this.#onFailure(message.topic, error)
    }
  }
}
