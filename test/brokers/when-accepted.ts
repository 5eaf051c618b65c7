import { connect } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

const betweenAttemptsMs = 10

/** Whether somebody listens on the loopback port. */
function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

/**
 * Resolves once somebody listens on the loopback port.
 * @param ended Rejects when the process that should listen has ended; so does this, then.
 */
export async function whenAccepted(port: number, ended: Promise<never>): Promise<void> {
  const over = new AbortController()
  const waiting = (async () => {
    while (!over.signal.aborted && !(await accepts(port))) await delay(betweenAttemptsMs)
  })()
  await Promise.race([waiting, ended]).finally(() => over.abort())
}
