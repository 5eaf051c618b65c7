import { deferred } from '../../src/async/deferred.ts'
import type { MqttSession } from '../../src/transport/mqtt-session.ts'
import type { SurgeonProcess } from '../surgeon-process.ts'
import type { Scenario } from './scenario.ts'

export const demoModel = 'mobilenetv2'

/** What every part of the demo needs of the others. */
export interface Stage {
  readonly scenario: Scenario
  readonly directory: string
  readonly brokerPort: number
  /** Each policy's agent serves its page there. */
  readonly dashboardPort: number
  /** The agent's, for the lab. */
  readonly lab: { readonly edgeSlowdown: number; readonly workSlowdown: number }
  readonly camera: MqttSession
  readonly print: (line: string) => void
  readonly signal: AbortSignal
  /** Starts a `surgeon` process whose configuration is `config`. */
  readonly launch: (command: string, name: string, config: unknown) => Promise<SurgeonProcess>
}

/** Resolves with the first message that is not empty on a topic. */
export async function retained(
  session: MqttSession,
  topic: string,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const { promise, resolve, reject } = deferred<Uint8Array>()
  const onAbort = () => reject(signal.reason as Error)
  signal.addEventListener('abort', onAbort, { once: true })
  const unsubscribe = await session.subscribe(topic, (message) => {
    if (message.payload.length > 0) resolve(message.payload)
  })
  try {
    return await promise
  } finally {
    signal.removeEventListener('abort', onAbort)
    await unsubscribe()
  }
}
