import { workerConfigSchema } from '../../backend/config.ts'
import { BackendWorker } from '../../backend/worker.ts'
import { changedKeys } from '../../src/config/changed-keys.ts'
import { loadConfig } from '../../src/config/load-config.ts'
import { stderrLog } from '../../src/telemetry/stderr-log.ts'
import { readOptions, wholeNumber } from '../../src/terminal/options.ts'
import { UsageError } from '../../src/terminal/usage-error.ts'
import { allWorkerFaults } from '../all-config-faults.ts'
import { workerFaults } from '../config-faults.ts'
import { runDaemon } from '../daemon.ts'
import { tellReload } from '../tell-reload.ts'

export async function worker(args: readonly string[]): Promise<number> {
  const { values, positionals } = readOptions(args, {
    options: { config: { type: 'string' }, threads: { type: 'string' }, 'check-config': { type: 'boolean' } },
    allowPositionals: true,
  })
  const file = values.config ?? positionals[0]
  if (file === undefined) throw new UsageError('surgeon worker needs --config FILE')
  if (values['check-config']) {
    await loadConfig(file, workerConfigSchema, allWorkerFaults)
    return 0
  }
  const config = await loadConfig(file, workerConfigSchema, workerFaults)
  const threads = values.threads === undefined ? config.threads : wholeNumber(values.threads, '--threads', 1)
  const current = { config }
  const log = stderrLog('worker', () => current.config.log)
  const reload = async () => {
    const next = await loadConfig(file, workerConfigSchema, workerFaults)
    tellReload(log, changedKeys(current.config, next), ['log'])
    current.config = next
  }
  return runDaemon(new BackendWorker({ ...config, threads }, log), { log, reload })
}
