import type { SessionState } from './session-options.ts'
import { TransportError } from './transport-error.ts'

/** The part of a session that tells of its connection. */
interface Connected {
  readonly state: SessionState
  onState(listener: (state: SessionState) => void): () => void
}

/**
 * Resolves once the session is online, at once where it is.
 * @throws {TransportError} `aborted` by the signal, `offline` where the session is or gets stopped.
 */
export async function whenOnline(session: Connected, signal?: AbortSignal): Promise<void> {
  let stopListening = () => {}
  let onAbort = () => {}
  try {
    await new Promise<void>((resolve, reject) => {
      const look = (state: SessionState) => {
        if (state.kind === 'online') resolve()
        if (state.kind === 'stopped')
          reject(new TransportError('offline', 'Cannot wait for the broker: the session is stopped'))
      }
      onAbort = () => {
        const { reason: cause } = signal!
        reject(new TransportError('aborted', 'Cannot wait for the broker: the caller gave up', { cause }))
      }
      stopListening = session.onState(look)
      signal?.addEventListener('abort', onAbort, { once: true })
      if (signal?.aborted) onAbort()
      look(session.state)
    })
  } finally {
    stopListening()
    signal?.removeEventListener('abort', onAbort)
  }
}
