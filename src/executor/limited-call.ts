import type { RunReply } from './inference-protocol.ts'
import {
  type CommandBody,
  InferenceThreadError,
  RunCancelledError,
  type ThreadLink,
} from './inference-thread-link.ts'

export interface CallLimit {
  readonly ms: number
  /** A thread that does not end a cancelled command for so long hangs. */
  readonly graceMs: number
  /** In the error: "A run". */
  readonly what: string
  /** Asks the thread to end it; absent where it cannot be asked. */
  readonly cancel?: () => void
}

export interface LimitedReply {
  readonly reply: RunReply | undefined
  /** When the thread began with it, by `now`. */
  readonly beganMs: number
}

/**
 * A command that ends in time, one way or another. Its time is counted from when the thread begins with it: what the
 * thread has to do before, such as compiling, has limits of its own.
 * @throws {InferenceThreadError} when it takes too long; the thread is given up where it does not end then.
 */
export async function limitedCall(
  link: ThreadLink,
  command: CommandBody,
  { ms, graceMs, what, cancel }: CallLimit,
  now: () => number,
): Promise<LimitedReply> {
  // Made when it is needed: an error records where it was made, which is much beside a short call.
  const tooLong = () => new InferenceThreadError(`${what} took longer than ${ms} ms`)
  let late = false
  let beganMs = 0
  let timer: NodeJS.Timeout | undefined
  const abandon = () => link.abandon(tooLong())
  const onLate = () => {
    late = true
    if (cancel === undefined) return abandon()
    cancel()
    timer = setTimeout(abandon, graceMs)
  }
  const onBegin = () => {
    beganMs = now()
    timer = setTimeout(onLate, ms)
  }
  try {
    const reply = await link.call(command, onBegin)
    return { reply, beganMs }
  } catch (error) {
    throw late && error instanceof RunCancelledError ? tooLong() : error
  } finally {
    clearTimeout(timer)
  }
}
