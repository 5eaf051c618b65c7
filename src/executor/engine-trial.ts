import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { ModelChoice } from '../model-graph/model-choice.ts'
import type { TensorValue } from '../tensor/tensor-value.ts'
import type { EngineName, Precision } from './engine.ts'

export interface TrialSetup extends ModelChoice {
  readonly engine: EngineName
  readonly threads: number
  readonly precision?: Precision
}

export type TrialReply =
  | {
      readonly kind: 'ran'
      readonly wholeMs: number
      readonly woundDifference: number
      readonly outputs: readonly TensorValue[]
    }
  | { readonly kind: 'failed'; readonly reason: string }

export interface TrialOptions {
  readonly signal?: AbortSignal | undefined
  /** An engine that needs longer, for five runs at least, is no choice. */
  readonly limitMs?: number
}

const entry = fileURLToPath(new URL('./engine-trial-process.js', import.meta.url))

/** Tries an engine in a process of its own; whatever goes wrong there is a reply. */
export function runTrial(
  setup: TrialSetup,
  { signal, limitMs = 180_000 }: TrialOptions = {},
): Promise<TrialReply> {
  return new Promise((resolve) => {
    const child = fork(entry, {
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      timeout: limitMs,
      killSignal: 'SIGKILL',
      ...(signal === undefined ? {} : { signal }),
    })
    child.once('message', (reply: TrialReply) => resolve(reply))
    child.once('error', (error) => resolve({ kind: 'failed', reason: error.message }))
    child.once('exit', (code, killedBy) => {
      const end = `its process ended with ${killedBy ?? `code ${code}`}`
      resolve({ kind: 'failed', reason: child.killed ? `not done within ${limitMs / 1000} s` : end })
    })
    child.send(setup)
  })
}
