import { deferred } from '../src/async/deferred.ts'

/** Something with a life: started once, stopped at the end. */
export interface Daemon {
  start(): Promise<unknown>
  stop(): Promise<void>
}

/**
 * Runs a daemon until SIGINT or SIGTERM; a second signal ends the process at once. Resolves with the exit code.
 * @throws whatever kept it from starting, after what had been started is stopped.
 */
export async function runDaemon(daemon: Daemon): Promise<number> {
  const { promise: told, resolve } = deferred<void>()
  let signals = 0
  const onSignal = () => {
    signals++
    if (signals > 1) process.exit(130)
    resolve()
  }
  process.on('SIGINT', onSignal)
  process.on('SIGTERM', onSignal)
  try {
    const started = daemon.start()
    // A signal during a long start counts, too.
    await Promise.race([started, told])
    await told
  } finally {
    await daemon.stop()
    process.off('SIGINT', onSignal)
    process.off('SIGTERM', onSignal)
  }
  return 0
}
