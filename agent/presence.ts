import type { Log } from '../src/telemetry/log.ts'
import type { MqttSession } from '../src/transport/mqtt-session.ts'
import type { EdgeModel } from './edge-model.ts'

export interface PresenceOptions {
  readonly session: Pick<MqttSession, 'state' | 'publish' | 'onState'>
  readonly topic: string
  /** The one that the configuration names first is the first; at least one. */
  readonly models: readonly EdgeModel[]
  /** Topic filters: who may read none of them answers nobody. */
  readonly inputs: readonly string[]
  readonly log: Log
}

/** Tells that the agent is online: only once requests are really answered, and again after every reconnection. */
export class Presence {
  private readonly options: PresenceOptions
  private end: () => void = () => undefined

  constructor(options: PresenceOptions) {
    this.options = options
  }

  start(): void {
    this.end = this.options.session.onState(() => this.announce())
    this.announce()
  }

  stop(): void {
    this.end()
  }

  private announce(): void {
    const { session, topic, inputs, log } = this.options
    const { state } = session
    // The session has logged the refusals.
    if (state.kind !== 'online' || inputs.every((input) => state.refused.has(input))) return
    session
      .publish(topic, this.text(), { qos: 1, retain: true, timeoutMs: 10_000 })
      .catch((error: Error) => log('warn', 'the online state was not published', { error }))
  }

  private text(): string {
    const described = this.options.models.map(({ name, hash, hasRandomWeights, engine }) => ({
      model: name,
      hash,
      weights: hasRandomWeights ? 'random' : undefined,
      engine: engine.used,
      engineConfigured: engine.configured,
      engineReason: engine.reason,
    }))
    const [first, ...others] = described
    return JSON.stringify({ state: 'online', ...first, ...(others.length > 0 && { models: described }) })
  }
}
