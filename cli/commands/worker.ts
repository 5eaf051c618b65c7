import { workerConfigSchema } from '../../backend/config.ts'
import { BackendWorker } from '../../backend/worker.ts'
import { loadConfig } from '../../src/config/load-config.ts'
import { stderrLog } from '../../src/telemetry/stderr-log.ts'
import { readOptions, wholeNumber } from '../../src/terminal/options.ts'
import { UsageError } from '../../src/terminal/usage-error.ts'
import { workerFaults } from '../config-faults.ts'
import { runDaemon } from '../daemon.ts'

export async function worker(args: readonly string[]): Promise<number> {
  const { values, positionals } = readOptions(args, {
    options: { config: { type: 'string' }, threads: { type: 'string' }, 'check-config': { type: 'boolean' } },
    allowPositionals: true,
  })
  const file = values.config ?? positionals[0]
  if (file === undefined) throw new UsageError('surgeon worker needs --config FILE')
  const config = await loadConfig(file, workerConfigSchema, workerFaults)
  if (values['check-config']) return 0
  const threads = values.threads === undefined ? config.threads : wholeNumber(values.threads, '--threads', 1)
  return runDaemon(new BackendWorker({ ...config, threads }, stderrLog('worker', config.log)))
}
