import { type OpenThread, openThread } from '../../src/executor/inference-thread-link.ts'

/** A thread that crashes and hangs where the environment says so: see `faulty-thread.ts`. */
export const openFaultyThread: OpenThread = (setup, onEnd, onNote) =>
  openThread(setup, onEnd, onNote, new URL('./faulty-thread.js', import.meta.url))
