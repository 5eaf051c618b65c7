import type { z } from 'zod'
import { Agent } from '../agent/agent.ts'
import { agentConfigSchema } from '../agent/config.ts'
import { parseConfig } from '../src/config/load-config.ts'
import { type Daemon, type DaemonOptions, silent } from './daemon.ts'

/** What `agent.yaml` says, as an object. */
export type AgentSettings = z.input<typeof agentConfigSchema>

/**
 * The daemon on the edge. Its `start` resolves when requests on its input topic are answered.
 * @throws {ConfigError} with every fault of the settings; `start` rejects with one for what the files they name lack.
 */
export function createAgent(settings: AgentSettings, { log = silent }: DaemonOptions = {}): Daemon {
  return new Agent(parseConfig(settings, agentConfigSchema, 'of the agent'), log)
}
