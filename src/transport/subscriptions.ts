import type { IncomingMessage } from './message.ts'
import { matchesFilter } from './topic-filter.ts'

/** May return a promise; what it throws or rejects with is logged, never thrown on. */
export type MessageHandler = (message: IncomingMessage) => unknown

/** What is asked of the broker for a filter. */
export interface SubscriptionTerms {
  readonly qos: 0 | 1
  /**
   * Nothing of what the broker has kept; `retain` of a message then says that its sender wants it kept (or, where it is
   * empty, dropped).
   */
  readonly isFresh?: boolean
}

export interface Subscription extends SubscriptionTerms {
  readonly filter: string
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

  /** Each filter once, with the highest QoS asked for, and fresh only where nobody wants more. */
  filters(): Map<string, SubscriptionTerms> {
    const filters = new Map<string, SubscriptionTerms>()
    for (const { filter, qos, isFresh = false } of this.#entries) {
      const other = filters.get(filter)
      filters.set(filter, {
        qos: other?.qos === 1 ? 1 : qos,
        isFresh: isFresh && (other?.isFresh ?? true),
      })
    }
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
