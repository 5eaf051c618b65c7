import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { remember } from '../files/remember.ts'
import type { ModelChoice } from '../model-graph/model-choice.ts'
import type { Log } from '../telemetry/log.ts'
import type { TensorValue } from '../tensor/tensor-value.ts'
import { type EngineName, engineNames, type RoundedPrecision, roundingEngine } from './engine.ts'
import {
  type Agreement,
  chooseEngine,
  distrustOf,
  type EngineChoice,
  type EngineTrial,
  engineChoiceSchema,
  outdatedBecause,
} from './engine-choice.ts'
import { runTrial } from './engine-trial.ts'
import { type EngineEnvironment, engineEnvironment } from './installed-engines.ts'
import { relativeDifference, woundTolerance } from './parity.ts'

/**
 * Engines that are never used untried: a library of the system's, of which neither the build is known nor that it
 * survives its use.
 */
const triedFirst: ReadonlySet<EngineSetting> = new Set<EngineSetting>(['xnnpack'])

/** Engine names of configurations and the command line: `auto` is the fastest that passes the parity check here. */
export const engineSettings = ['auto', ...engineNames] as const
export type EngineSetting = (typeof engineSettings)[number]

/** Where the engine made for ARM is installed there is something to choose; elsewhere the native one is the fastest. */
export function defaultEngineSetting(
  architecture: NodeJS.Architecture = process.arch,
  environment: () => EngineEnvironment = engineEnvironment,
): EngineSetting {
  const isArm = architecture === 'arm' || architecture === 'arm64'
  return isArm && environment().engines.xnnpack !== null ? 'auto' : 'onnxruntime'
}

export interface ResolveEngineOptions extends ModelChoice {
  readonly modelHash: string
  readonly threads: number
  /** In which the model may be computed besides float32: an engine counts by the fastest of what it will be used in. */
  readonly precisions?: readonly RoundedPrecision[]
  /** Which machine a remembered choice is of. */
  readonly machine: string
  readonly stateDirectory: string
  readonly log: Log
  /** Gives up. */
  readonly signal?: AbortSignal | undefined
}

/**
 * What the setting stands for on this machine: `auto` is measured once and remembered, until engines come, go or change
 * or this program does. An engine that is set by its name but must be tried first is tried together with all others.
 * @throws {Error} where no engine runs, or the one that is set is not to be trusted; an abort's reason.
 */
export async function resolveEngine(
  setting: EngineSetting,
  options: ResolveEngineOptions,
): Promise<EngineName> {
  if (setting !== 'auto' && !triedFirst.has(setting)) return setting
  const choice = await choiceOf(options)
  if (setting === 'auto') return choice.engine
  if (choice.trusted.includes(setting)) return setting
  throw new Error(`${setting}: ${distrustOf(choice.trials, setting)}`)
}

async function choiceOf(options: ResolveEngineOptions): Promise<EngineChoice> {
  const path = choicePath(options)
  const remembered = await readChoice(path)
  const environment = engineEnvironment()
  let because = 'there is no choice yet'
  if (remembered !== undefined && matches(remembered, options)) {
    const outdated = outdatedBecause(remembered, environment)
    if (outdated === undefined) return remembered
    because = outdated
  }
  options.log('info', 'measuring the engines, once', { model: options.model, because })
  const choice = await measureEngines(options, environment)
  options.log('info', 'chose an engine', { engine: choice.engine, reason: choice.reason })
  await remember(path, choice, options.log)
  return choice
}

/** Tries every engine, one after the other, and chooses. @throws {Error} where none runs; an abort's reason. */
async function measureEngines(
  options: Omit<ResolveEngineOptions, 'stateDirectory' | 'log'>,
  environment: EngineEnvironment,
): Promise<EngineChoice> {
  const trials: EngineTrial[] = []
  const answers: { engine: EngineName; outputs: readonly TensorValue[] }[] = []
  const { model, weights, threads } = options
  for (const engine of engineNames) {
    const reply = await runTrial({ model, weights, engine, threads }, { signal: options.signal })
    options.signal?.throwIfAborted()
    if (reply.kind === 'ran') {
      const { outputs, ...rest } = reply
      answers.push({ engine, outputs })
      const roundedMs = engine === roundingEngine ? await roundedTimes(options) : {}
      trials.push({ ...rest, ...(Object.keys(roundedMs).length > 0 && { roundedMs }), engine })
    } else trials.push({ ...reply, engine })
  }
  return {
    version: 3,
    modelHash: options.modelHash,
    machine: options.machine,
    threads: options.threads,
    precisions: [...(options.precisions ?? [])],
    environment,
    measuredAt: new Date().toISOString(),
    ...chooseEngine(trials, agreementsOf(answers)),
    trials,
  }
}

/** Of those precisions that the library and the processor have. */
async function roundedTimes({
  model,
  weights,
  threads,
  precisions = [],
  signal,
}: Omit<ResolveEngineOptions, 'stateDirectory' | 'log'>): Promise<Partial<Record<RoundedPrecision, number>>> {
  const times: Partial<Record<RoundedPrecision, number>> = {}
  for (const precision of precisions) {
    const reply = await runTrial({ model, weights, engine: roundingEngine, threads, precision }, { signal })
    signal?.throwIfAborted()
    if (reply.kind === 'ran' && reply.woundDifference <= woundTolerance) times[precision] = reply.wholeMs
  }
  return times
}

function agreementsOf(
  answers: readonly { engine: EngineName; outputs: readonly TensorValue[] }[],
): Agreement[] {
  return answers.flatMap((one, i) =>
    answers.slice(i + 1).map(
      (other): Agreement => ({
        engines: [one.engine, other.engine],
        relativeDifference: relativeDifference(one.outputs, other.outputs),
      }),
    ),
  )
}

function choicePath({ stateDirectory, modelHash, threads, precisions = [] }: ResolveEngineOptions): string {
  return join(stateDirectory, 'engines', `${[modelHash, threads, ...precisions].join('-')}.json`)
}

function matches(
  choice: EngineChoice,
  { modelHash, machine, threads, precisions = [] }: ResolveEngineOptions,
): boolean {
  return (
    choice.modelHash === modelHash &&
    choice.machine === machine &&
    choice.threads === threads &&
    choice.precisions.join() === precisions.join()
  )
}

/** A choice that cannot be read is made anew. */
async function readChoice(path: string): Promise<EngineChoice | undefined> {
  try {
    return engineChoiceSchema.parse(JSON.parse(await readFile(path, 'utf8')))
  } catch {
    return undefined
  }
}
