import '../onnx/without-telemetry.ts'
import { SHARE_ENV, Worker } from 'node:worker_threads'
import { waitAtMost } from '../async/wait-at-most.ts'
import type { RunReply, ThreadCommand, ThreadNote, ThreadReply, ThreadSetup } from './inference-protocol.ts'

/** Its caller asked for it to be stopped, or the whole worker was. */
export class RunCancelledError extends Error {
  override readonly name = 'RunCancelledError'
}

/** The inference thread ended or hung while it had this to do; a new one takes its place. */
export class InferenceThreadError extends Error {
  override readonly name = 'InferenceThreadError'
}

/** Leaves the call number to the link. Distributes over the union, which a plain `Omit` would not. */
export type CommandBody = ThreadCommand extends infer Command
  ? Command extends unknown
    ? Omit<Command, 'call'>
    : never
  : never

/** One living inference thread. */
export interface ThreadLink {
  readonly modelHash: string
  /**
   * Carried out in order of the calls.
   * @param onBegin told when the thread begins with it: as it is called, or as the call before it is answered.
   * @throws {InferenceThreadError} when the thread ends first.
   */
  call(command: CommandBody, onBegin?: () => void): Promise<RunReply | undefined>
  /** Gives the thread up at once: a thread inside native code cannot be stopped, only left behind. */
  abandon(reason: InferenceThreadError): void
  /** Lets the thread free its segments and end; one that does not within the limit is given up. */
  close(limitMs: number): Promise<void>
}

/**
 * Starts an inference thread and resolves when it has loaded model and engine.
 * @param onEnd told once when the thread ended by itself or was given up, after everything that waited was rejected.
 * @throws whatever stopped it from loading.
 */
export type OpenThread = (
  setup: ThreadSetup,
  onEnd: (error: Error) => void,
  onNote: (note: ThreadNote) => void,
) => Promise<ThreadLink>

/** Its JavaScript allocates little, tensors lie outside: V8 would let the young generation grow to 48 MB. */
const resourceLimits = { maxYoungGenerationSizeMb: 6 }

const threadEntry = new URL('./inference-thread.js', import.meta.url)

/** A real one: {@link OpenThread}. `entry` is another program, for tests. */
export async function openThread(
  setup: ThreadSetup,
  onEnd: (error: Error) => void,
  onNote: (note: ThreadNote) => void,
  entry: URL = threadEntry,
): Promise<ThreadLink> {
  // libtensorflow reads its settings from the real environment, which a thread's own copy is not.
  const thread = new Worker(entry, { workerData: setup, env: SHARE_ENV, resourceLimits })
  /** In the order in which the thread carries them out. */
  const calls = new Map<
    number,
    {
      readonly resolve: (reply: RunReply | undefined) => void
      readonly reject: (e: Error) => void
      readonly onBegin: (() => void) | undefined
    }
  >()
  let nextCall = 0
  let ended: Error | undefined
  let closing = false

  const end = (error: Error): void => {
    if (ended !== undefined) return
    ended = error
    for (const waiting of calls.values()) waiting.reject(error)
    calls.clear()
    if (!closing) onEnd(error)
  }
  const settle = (reply: Exclude<ThreadReply, { kind: 'ready' | 'note' }>): void => {
    const waiting = calls.get(reply.call)
    calls.delete(reply.call)
    calls.values().next().value?.onBegin?.()
    if (reply.kind === 'done') waiting?.resolve(reply.reply)
    else if (reply.kind === 'cancelled')
      waiting?.reject(new RunCancelledError('Cancelled between two segments'))
    else waiting?.reject(Object.assign(new Error(reply.message), { name: reply.name }))
  }
  const call: ThreadLink['call'] = (command, onBegin) => {
    if (ended !== undefined) return Promise.reject(ended)
    const number = nextCall++
    return new Promise((resolve, reject) => {
      calls.set(number, { resolve, reject, onBegin })
      if (calls.size === 1) onBegin?.()
      thread.postMessage({ ...command, call: number })
    })
  }

  const modelHash = await new Promise<string>((resolve, reject) => {
    let ready = false
    const fail = (error: Error): void => {
      if (!ready) reject(error)
      else end(new InferenceThreadError(`The inference thread ended: ${error.message}`, { cause: error }))
    }
    thread.on('message', (reply: ThreadReply) => {
      if (reply.kind === 'note') return onNote(reply.note)
      if (reply.kind !== 'ready') return settle(reply)
      ready = true
      resolve(reply.modelHash)
    })
    thread.on('error', fail)
    thread.on('exit', (code) => fail(new Error(`exit code ${code}`)))
  })
  return {
    modelHash,
    call,
    abandon(reason) {
      end(reason)
      void thread.terminate()
    },
    async close(limitMs) {
      closing = true
      await waitAtMost(limitMs, call({ kind: 'stop' })).catch(() => undefined)
      await waitAtMost(limitMs, thread.terminate()).catch(() => undefined)
      end(new RunCancelledError('The inference thread is stopped'))
    },
  }
}
