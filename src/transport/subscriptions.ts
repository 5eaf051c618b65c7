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

  add(subscription: Subscription): void {
    this.#entries.add(subscription)
  }

  remove(subscription: Subscription): void {
    this.#entries.delete(subscription)
  }

  /** Whether nobody wants these messages but this one. */
  isAlone(subscription: Subscription): boolean {
    const others = [...this.#entries].filter(({ filter }) => filter === subscription.filter)
    return others.length === 1 && others[0] === subscription
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
