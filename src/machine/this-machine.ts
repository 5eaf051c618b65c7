import { availableParallelism } from 'node:os'
import type { Log } from '../telemetry/log.ts'
import { type MachineWarning, machineWarnings } from './machine-warnings.ts'

/** What is to be known of this machine and this process. @param threads of one run of the model; `auto` is never too many. */
export function warningsHere(threads: number | 'auto'): MachineWarning[] {
  return machineWarnings({
    threads: threads === 'auto' ? 1 : threads,
    cores: availableParallelism(),
    timeZone: process.env['TZ'],
    wallMs: Date.now(),
  })
}

/** Logs them, once, when a daemon starts. */
export function logWarningsHere(threads: number | 'auto', log: Log): void {
  for (const { found, mend } of warningsHere(threads)) log('warn', `${found}. ${mend}`)
}
