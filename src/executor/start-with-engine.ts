import { stopOnAbort } from '../async/stop-on-abort.ts'
import type { EngineName, ExecutionProvider } from './engine.ts'
import { type EngineSetting, type ResolveEngineOptions, resolveEngine } from './resolve-engine.ts'
import { resolveThreads, type ThreadSetting } from './resolve-threads.ts'

/** Which engine was asked for, which one runs, and why another does. */
export interface EngineState {
  readonly configured: EngineSetting
  /** `none`: nothing is computed here. */
  readonly used: EngineName | 'none'
  /** What it computes on besides the CPU. */
  readonly provider?: ExecutionProvider
  /** What stood against the engines before the one used; absent where there was nothing. */
  readonly reason?: string
}

/** Something that computes with one engine. */
interface Startable {
  start(): Promise<unknown>
  /** Safe after a start that failed, and to repeat; makes a start that is running fail. */
  stop(): Promise<void>
}

export interface StartOptions extends Omit<ResolveEngineOptions, 'threads'> {
  readonly threads: ThreadSetting
}

/** None of the engines could be used. */
export class NoEngineError extends Error {
  override readonly name = 'NoEngineError'
}

/** Tried after the one that is wanted: the fastest that is usually there, and the one that runs wherever Node runs. */
const fallbacks = ['onnxruntime', 'wasm'] as const satisfies readonly EngineName[]

/**
 * Starts what `build` makes with the engine that is set or, where that one cannot be loaded or cannot compile the
 * model, with the next that can: an answer is worth more than an engine.
 * @throws {NoEngineError} with every engine's reason where none can; whatever `build` throws; an abort's reason.
 */
export async function startWithEngine<Part extends Startable>(
  setting: EngineSetting,
  options: StartOptions,
  build: (engine: EngineName, threads: number) => Part,
): Promise<{ part: Part; result: Awaited<ReturnType<Part['start']>>; engine: EngineState }> {
  const faults: string[] = []
  const wanted: EngineName[] = []
  try {
    // Engines are compared with one thread where their number is chosen, too.
    const threads = options.threads === 'auto' ? 1 : options.threads
    wanted.push(await resolveEngine(setting, { ...options, threads }))
  } catch (error) {
    options.signal?.throwIfAborted()
    faults.push((error as Error).message)
    options.log('error', `engine ${setting} cannot be used`, { error })
  }
  for (const name of new Set([...wanted, ...fallbacks])) {
    const part = build(name, await resolveThreads(options.threads, name, options))
    try {
      const result = (await stopOnAbort(
        options.signal,
        () => part.start(),
        () => part.stop(),
      )) as Awaited<ReturnType<Part['start']>>
      const reason = faults.length === 0 ? {} : { reason: faults.join('; ') }
      return { part, result, engine: { configured: setting, used: name, ...reason } }
    } catch (error) {
      await part.stop()
      options.signal?.throwIfAborted()
      faults.push(`${name}: ${(error as Error).message}`)
      options.log('error', `engine ${name} cannot be used`, { error })
    }
  }
  throw new NoEngineError(`Cannot compute here: an engine must be usable (${faults.join('; ')})`)
}
