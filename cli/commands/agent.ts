import { setFlagsFromString } from 'node:v8'
import { Agent } from '../../agent/agent.ts'
import { agentConfigSchema } from '../../agent/config.ts'
import { changedKeys } from '../../src/config/changed-keys.ts'
import { loadConfig } from '../../src/config/load-config.ts'
import { stderrLog } from '../../src/telemetry/stderr-log.ts'
import { readOptions } from '../../src/terminal/options.ts'
import { UsageError } from '../../src/terminal/usage-error.ts'
import { allAgentFaults } from '../all-config-faults.ts'
import { agentFaults } from '../config-faults.ts'
import { runDaemon } from '../daemon.ts'
import { tellReload } from '../tell-reload.ts'

export async function agent(args: readonly string[]): Promise<number> {
  const { values } = readOptions(args, {
    options: { config: { type: 'string' }, 'check-config': { type: 'boolean' } },
    allowPositionals: true,
  })
  // Both `--check-config FILE` and `--config FILE --check-config` are understood.
  const file =
    values.config ??
    readOptions(args, { options: { 'check-config': { type: 'boolean' } }, allowPositionals: true })
      .positionals[0]
  if (file === undefined) throw new UsageError('surgeon agent needs --config FILE')
  if (values['check-config']) {
    await loadConfig(file, agentConfigSchema, allAgentFaults)
    return 0
  }
  const config = await loadConfig(file, agentConfigSchema, agentFaults)
  // Who holds the head alone has little memory: V8 is to grow its heaps late. Collecting more often delays the event loop,
  // so other agents do without. It is read whenever a heap grows.
  if (config.wound !== undefined) setFlagsFromString('--optimize-for-size')
  const current = { config }
  const log = stderrLog('agent', () => current.config.log)
  const daemon = new Agent(config, log)
  const reload = async () => {
    const next = await loadConfig(file, agentConfigSchema, agentFaults)
    const swapped = ['log', ...(await daemon.reload(next))]
    tellReload(log, changedKeys(current.config, next), swapped)
    current.config = next
  }
  return runDaemon(daemon, { log, reload })
}
