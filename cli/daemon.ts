import { setDefaultAutoSelectFamilyAttemptTimeout } from 'node:net'
import type { Daemon } from '../api/daemon.ts'
import { deferred } from '../src/async/deferred.ts'
import type { Log } from '../src/telemetry/log.ts'
import { serviceManager } from './service-manager.ts'

/**
 * Node gives every address of a name but the last 250 ms, less than a round trip over LTE or a satellite: with a dead
 * one among them nothing would ever connect. Less than a quarter of a session's connect timeout.
 */
const addressTimeoutMs = 2400

export interface DaemonRun {
  readonly log: Log
  /** On SIGHUP. What it throws is logged, and everything goes on as it was. */
  readonly reload?: () => Promise<void>
  readonly environment?: Readonly<Record<string, string | undefined>>
}

/**
 * Runs a daemon until SIGINT or SIGTERM, which also give a running start up; a second signal ends the process at once.
 * Until here a signal has its default action: nothing is acquired yet. SIGHUP reloads. Who started it is told when it
 * serves, and that it progresses for as long as it does. Resolves with the exit code.
 * @throws whatever kept it from starting, after what had been started is stopped.
 */
export async function runDaemon(
  daemon: Daemon,
  { log, reload, environment = process.env }: DaemonRun,
): Promise<number> {
  setDefaultAutoSelectFamilyAttemptTimeout(addressTimeoutMs)
  const manager = serviceManager(environment, log)
  const starting = new AbortController()
  const { promise: told, resolve: tell } = deferred<void>()
  let signals = 0
  const onSignal = (name: NodeJS.Signals) => {
    signals++
    if (signals > 1) process.exit(130)
    starting.abort(new Error(`The start was given up: ${name}`))
    tell()
  }
  const onHangUp = () => void reloaded()
  const reloaded = async () => {
    await manager.reloading()
    await reload?.().catch((error: unknown) => log('error', 'nothing was reloaded', { error }))
    await manager.ready()
  }
  process.on('SIGINT', onSignal)
  process.on('SIGTERM', onSignal)
  process.on('SIGHUP', onHangUp)
  let watching: NodeJS.Timeout | undefined
  try {
    await startUnlessTold(daemon, starting.signal)
    if (!starting.signal.aborted) await manager.ready()
    if (manager.watchdogMs !== undefined)
      watching = setInterval(() => {
        // Silence is the word for it: systemd ends the process and starts another.
        if (daemon.isProgressing?.() ?? true) void manager.progressing()
        else log('error', 'requests do not progress: systemd is not told that all is well')
      }, manager.watchdogMs / 3)
    await told
  } finally {
    clearInterval(watching)
    void manager.stopping()
    await daemon.stop()
    process.off('SIGINT', onSignal)
    process.off('SIGTERM', onSignal)
    process.off('SIGHUP', onHangUp)
  }
  return 0
}

/** A start that was given up has not failed. */
async function startUnlessTold(daemon: Daemon, signal: AbortSignal): Promise<void> {
  try {
    await daemon.start(signal)
  } catch (error) {
    if (!signal.aborted) throw error
  }
}
