import { randomUUID } from 'node:crypto'
import { agentConfigSchema } from '../agent/config.ts'
import { loadConfig } from '../src/config/load-config.ts'
import { UsageError } from '../src/terminal/usage-error.ts'
import { type Endpoint, endpointOptions } from '../src/transport/endpoint-config.ts'
import { MqttSession } from '../src/transport/mqtt-session.ts'
import { reachBroker } from './reach-broker.ts'

/** Options of the commands that talk to a running agent, for `readOptions`. */
export const brokerOptions = {
  config: { type: 'string' },
  broker: { type: 'string' },
  device: { type: 'string' },
} as const

export interface BrokerAccess {
  readonly endpoint: Endpoint
  readonly topicPrefix: string
  readonly device: string | undefined
}

/** Where the agent of a configuration file is found, or any agent at a broker. */
export async function brokerAccess(
  { config, broker, device }: { config?: string; broker?: string; device?: string },
  command: string,
): Promise<BrokerAccess> {
  if (config !== undefined) {
    const { mqtt, topicPrefix, device: own } = await loadConfig(config, agentConfigSchema)
    return { endpoint: mqtt, topicPrefix, device: device ?? own }
  }
  if (broker === undefined)
    throw new UsageError(`surgeon ${command} needs --config FILE of the agent, or --broker URL`)
  return { endpoint: { url: broker }, topicPrefix: 'surgeon', device }
}

/**
 * Connects for as long as `use` takes.
 * @throws {Error} where the broker is not reached within `connectMs`, with what it said.
 */
export async function withBroker<Result>(
  endpoint: Endpoint,
  connectMs: number,
  use: (session: MqttSession) => Promise<Result>,
): Promise<Result> {
  const session = new MqttSession({
    ...endpointOptions(endpoint),
    clientId: `surgeon-cli-${randomUUID()}`,
    backoff: { minMs: 250, maxMs: 1000 },
  })
  try {
    const reason = await reachBroker(session, AbortSignal.timeout(connectMs))
    if (reason !== undefined) throw new Error(`Cannot reach ${endpoint.url}: ${reason}`)
    return await use(session)
  } finally {
    await session.stop()
  }
}
