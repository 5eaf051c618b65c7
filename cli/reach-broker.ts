import type { MqttSession } from '../src/transport/mqtt-session.ts'

/**
 * Starts a session and waits until it is online or the signal gives up.
 * @returns Why it is not online.
 */
export async function reachBroker(session: MqttSession, signal: AbortSignal): Promise<string | undefined> {
  session.start()
  try {
    await session.whenOnline(signal)
    return undefined
  } catch {
    const { state } = session
    return ('reason' in state ? state.reason : undefined) ?? 'no answer'
  }
}
