import type { z } from 'zod'
import { workerConfigSchema } from '../backend/config.ts'
import { BackendWorker } from '../backend/worker.ts'
import { parseConfig } from '../src/config/load-config.ts'
import { type Daemon, type DaemonOptions, silent } from './daemon.ts'

/** What `worker.yaml` says, as an object. */
export type WorkerSettings = z.input<typeof workerConfigSchema>

/**
 * A member of the pool. Its `start` resolves when the models are loaded and requests are listened for.
 * @throws {ConfigError} with every fault of the settings; `start` rejects with one for what the files they name lack.
 */
export function createWorker(settings: WorkerSettings, { log = silent }: DaemonOptions = {}): Daemon {
  return new BackendWorker(parseConfig(settings, workerConfigSchema, 'of the worker'), log)
}
