import type { Log } from '../src/telemetry/log.ts'

/** Something with a life: started once, stopped at the end. */
export interface Daemon {
  /** An abort gives the start up: it rejects as soon as it can, and what it has acquired is for `stop` to release. */
  start(signal?: AbortSignal): Promise<unknown>
  /** Waits for a start that is still running, then releases. Safe to repeat, and without a start. */
  stop(): Promise<void>
  /** False where a request has been in work for so long that something hangs. */
  isProgressing?(): boolean
}

export interface DaemonOptions {
  /** Told of everything that happens; nothing is written anywhere without it. */
  readonly log?: Log
}

export const silent: Log = () => undefined
