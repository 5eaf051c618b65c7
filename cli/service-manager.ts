import { execFile } from 'node:child_process'
import type { Log } from '../src/telemetry/log.ts'

/** Whoever started this process and wants to know how it is; see sd_notify(3). */
export interface ServiceManager {
  /** Milliseconds within which it wants to hear of progress; undefined where it does not watch. */
  readonly watchdogMs: number | undefined
  ready(): Promise<void>
  reloading(): Promise<void>
  progressing(): Promise<void>
  stopping(): Promise<void>
}

/**
 * systemd, told by its own `systemd-notify`: Node has no datagram sockets of the file system. Where nobody asks to be
 * told nothing is started. What cannot be told is logged once, and nothing else: it is no reason not to serve.
 */
export function serviceManager(
  environment: Readonly<Record<string, string | undefined>>,
  log: Log,
): ServiceManager {
  const { NOTIFY_SOCKET: socket, WATCHDOG_USEC: watchdog, WATCHDOG_PID: pid } = environment
  let hasFailed = false
  const tell = (...words: string[]) =>
    new Promise<void>((resolve) => {
      if (socket === undefined) return resolve()
      execFile('systemd-notify', words, { timeout: tellMs }, (error) => {
        if (error !== null && !hasFailed) {
          hasFailed = true
          log('warn', 'systemd was not told', { words, error })
        }
        resolve()
      })
    })
  const isWatched = socket !== undefined && (pid === undefined || Number(pid) === process.pid)
  return {
    watchdogMs: isWatched && watchdog !== undefined ? Number(watchdog) / 1000 : undefined,
    ready: () => tell('--ready', '--status=serving'),
    reloading: () => tell('RELOADING=1'),
    progressing: () => tell('WATCHDOG=1'),
    stopping: () => tell('STOPPING=1', '--status=stopping'),
  }
}

const tellMs = 5000
