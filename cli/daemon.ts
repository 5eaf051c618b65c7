import { setDefaultAutoSelectFamilyAttemptTimeout } from 'node:net'
import type { Daemon } from '../api/daemon.ts'
import { deferred } from '../src/async/deferred.ts'

/**
 * Node gives every address of a name but the last 250 ms, less than a round trip over LTE or a satellite: with a dead
 * one among them nothing would ever connect. Less than a quarter of a session's connect timeout.
 */
const addressTimeoutMs = 2400

/**
 * Runs a daemon until SIGINT or SIGTERM, which also give a running start up; a second signal ends the process at once.
 * Until here a signal has its default action: nothing is acquired yet. Resolves with the exit code.
 * @throws whatever kept it from starting, after what had been started is stopped.
 */
export async function runDaemon(daemon: Daemon): Promise<number> {
  setDefaultAutoSelectFamilyAttemptTimeout(addressTimeoutMs)
  const starting = new AbortController()
  const { promise: told, resolve: tell } = deferred<void>()
  let signals = 0
  const onSignal = (name: NodeJS.Signals) => {
    signals++
    if (signals > 1) process.exit(130)
    starting.abort(new Error(`The start was given up: ${name}`))
    tell()
  }
  process.on('SIGINT', onSignal)
  process.on('SIGTERM', onSignal)
  try {
    await startUnlessTold(daemon, starting.signal)
    await told
  } finally {
    await daemon.stop()
    process.off('SIGINT', onSignal)
    process.off('SIGTERM', onSignal)
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
