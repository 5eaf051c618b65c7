import { readFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { remember } from '../files/remember.ts'
import { type EngineName, engineNames } from './engine.ts'
import { engineEnvironmentSchema, outdatedBecause } from './engine-choice.ts'
import { runTrial } from './engine-trial.ts'
import { engineEnvironment } from './installed-engines.ts'
import { defaultEngineSetting, type ResolveEngineOptions } from './resolve-engine.ts'

/** Threads of one run as they are configured; `auto` is measured on this machine. */
export type ThreadSetting = number | 'auto'

/** Where the engine is chosen by default, the number of its threads is, too. */
export function defaultThreadSetting(engine = defaultEngineSetting()): ThreadSetting {
  return engine === 'auto' ? 'auto' : 1
}

export interface ThreadTime {
  readonly threads: number
  /** Median of the whole model. */
  readonly wholeMs: number
}

const threadChoiceSchema = z.object({
  version: z.literal(1),
  modelHash: z.string(),
  machine: z.string(),
  engine: z.enum(engineNames),
  cores: z.int(),
  environment: engineEnvironmentSchema,
  threads: z.int().min(1),
  times: z.array(z.object({ threads: z.int(), wholeMs: z.number().positive() })),
})

type ThreadChoice = z.infer<typeof threadChoiceSchema>

/** More threads must save a tenth, or fewer do: each takes a core from all else. */
const worthwhile = 1.1

/**
 * How many threads are tried, in doubling steps. Never as many as there are cores: threads of a run that wait for each
 * other spin, and a run takes 5 to 15 times as long where anything else holds one of the cores.
 */
export function threadCounts(cores: number): number[] {
  const most = Math.max(1, cores - 1)
  const counts = Array.from({ length: Math.ceil(Math.log2(most)) }, (_, i) => 2 ** i)
  return [...counts, most]
}

/** The fewest threads that are nearly as fast as the fastest; 1 where nothing ran. */
export function chooseThreads(times: readonly ThreadTime[]): number {
  const least = Math.min(...times.map(({ wholeMs }) => wholeMs))
  const enough = times.filter(({ wholeMs }) => wholeMs <= worthwhile * least)
  return Math.min(...(enough.length === 0 ? [1] : enough.map(({ threads }) => threads)))
}

export type ResolveThreadsOptions = Omit<ResolveEngineOptions, 'threads'>

/**
 * What the setting stands for with an engine on this machine: `auto` is measured once and remembered, until cores or
 * engines change or this program does.
 * @throws an abort's reason.
 */
export async function resolveThreads(
  setting: ThreadSetting,
  engine: EngineName,
  options: ResolveThreadsOptions,
  { cores = availableParallelism(), trial = runTrial } = {},
): Promise<number> {
  if (setting !== 'auto') return setting
  const counts = threadCounts(cores)
  if (counts.length === 1) return 1
  const { modelHash, machine, stateDirectory, log } = options
  const path = join(stateDirectory, 'threads', `${modelHash}-${engine}.json`)
  const subject = { modelHash, machine, engine, cores }
  const remembered = await readChoice(path)
  const environment = engineEnvironment()
  const isSame =
    remembered !== undefined &&
    Object.entries(subject).every(([key, value]) => remembered[key as keyof typeof subject] === value) &&
    outdatedBecause(remembered, environment) === undefined
  if (isSame) return remembered.threads
  log('info', 'measuring how many threads are the fastest, once', { engine, counts })
  const times: ThreadTime[] = []
  for (const threads of counts) {
    const { model, weights } = options
    const reply = await trial({ model, weights, engine, threads }, { signal: options.signal })
    options.signal?.throwIfAborted()
    if (reply.kind === 'ran') times.push({ threads, wholeMs: reply.wholeMs })
  }
  const threads = chooseThreads(times)
  log('info', 'chose the number of threads', { engine, threads, times })
  const choice: ThreadChoice = { version: 1, ...subject, environment, threads, times }
  await remember(path, choice, log)
  return threads
}

/** A choice that cannot be read is made anew. */
async function readChoice(path: string): Promise<ThreadChoice | undefined> {
  try {
    return threadChoiceSchema.parse(JSON.parse(await readFile(path, 'utf8')))
  } catch {
    return undefined
  }
}
