import type { Log } from '../telemetry/log.ts'
import type { MqttSession } from '../transport/mqtt-session.ts'

export interface AnnounceOptions {
  readonly session: Pick<MqttSession, 'publish' | 'subscribe' | 'onState' | 'state'>
  /** `homeassistant` unless Home Assistant was told otherwise. */
  readonly prefix: string
  readonly topic: string
  readonly message: unknown
  readonly log: Log
}

/**
 * Publishes a discovery message now, at each reconnection and whenever Home Assistant says that it has started (its birth
 * message), as a broker may have lost what was retained. Gives what ends that; the device itself stays known.
 */
export async function announceToHomeAssistant(options: AnnounceOptions): Promise<() => Promise<void>> {
  const { session, prefix, topic, message, log } = options
  const announce = () => {
    session
      .publish(topic, JSON.stringify(message), { qos: 1, retain: true, timeoutMs: 10_000 })
      .catch((error: Error) => log('warn', 'Home Assistant was not told of this device', { error }))
  }
  const forget = session.onState((state) => state.kind === 'online' && announce())
  if (session.state.kind === 'online') announce()
  const unsubscribe = await session.subscribe(`${prefix}/status`, ({ payload }) => {
    if (Buffer.from(payload).toString() === 'online') announce()
  })
  return async () => {
    forget()
    await unsubscribe()
  }
}
