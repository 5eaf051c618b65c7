import { z } from 'zod'
import { type EngineName, engineNames, type Precision, precisions, roundedPrecisions } from './engine.ts'
import type { EngineEnvironment } from './installed-engines.ts'
import { engineTolerance, woundTolerance } from './parity.ts'

/** What one engine did with a model on this machine. */
const trialSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('ran'),
    engine: z.enum(engineNames),
    /** Median of the whole model, milliseconds. */
    wholeMs: z.number().positive(),
    /** The same in other precisions that may be used of the model, where the engine has them and head + tail are right. */
    roundedMs: z.partialRecord(z.enum(roundedPrecisions), z.number().positive()).optional(),
    /** Largest absolute difference of head + tail from the whole on this engine. */
    woundDifference: z.number().nonnegative(),
  }),
  z.object({ kind: z.literal('failed'), engine: z.enum(engineNames), reason: z.string() }),
])

export type EngineTrial = z.infer<typeof trialSchema>

/** Relative difference of two engines' answers. */
export interface Agreement {
  readonly engines: readonly [EngineName, EngineName]
  readonly relativeDifference: number
}

/** What was there to choose from. */
export const engineEnvironmentSchema = z.object({
  engines: z.record(z.enum(engineNames), z.string().nullable()),
  program: z.string(),
  node: z.string(),
})

export const engineChoiceSchema = z.object({
  version: z.literal(3),
  modelHash: z.string(),
  machine: z.string(),
  threads: z.int(),
  /** Which other precisions may be used of the model. */
  precisions: z.array(z.enum(roundedPrecisions)).default([]),
  environment: engineEnvironmentSchema,
  measuredAt: z.string(),
  engine: z.enum(engineNames),
  /** Why this one, for people. */
  reason: z.string(),
  /** Every engine that may be trusted here, the fastest first. */
  trusted: z.array(z.enum(engineNames)),
  trials: z.array(trialSchema),
})

export type EngineChoice = z.infer<typeof engineChoiceSchema>

/** What has changed since a choice was made, so that it no longer holds; undefined where nothing has. */
export function outdatedBecause(
  choice: Pick<EngineChoice, 'environment'>,
  now: EngineEnvironment,
): string | undefined {
  const { engines, program, node } = choice.environment
  const changed = engineNames.find((name) => engines[name] !== now.engines[name])
  if (changed !== undefined) {
    const word = (version: string | null) => version ?? 'absent'
    return `engine ${changed} was ${word(engines[changed])}, now it is ${word(now.engines[changed])}`
  }
  if (program !== now.program) return `it was made by version ${program}, this is ${now.program}`
  if (node !== now.node) return `it was made on Node ${node}, this is ${now.node}`
  return undefined
}

/** What stands against an engine that was tried, for people. */
export function distrustOf(trials: readonly EngineTrial[], engine: EngineName): string {
  const trial = trials.find((candidate) => candidate.engine === engine)
  if (trial === undefined) return 'it was not tried'
  if (trial.kind === 'failed') return trial.reason
  if (trial.woundDifference > woundTolerance)
    return `head and tail differ from the whole by ${trial.woundDifference}`
  return 'no other engine here gives the same answer'
}

/** The whole model in the precision that is the fastest. */
function fastest({ wholeMs, roundedMs = {} }: Extract<EngineTrial, { kind: 'ran' }>): {
  readonly ms: number
  readonly precision: Precision
} {
  return precisions
    .map((precision) => ({
      precision,
      ms: precision === 'float32' ? wholeMs : (roundedMs[precision] ?? Number.POSITIVE_INFINITY),
    }))
    .reduce((least, next) => (next.ms < least.ms ? next : least))
}

/**
 * The fastest engine that may be trusted: its head + tail equal its whole, and another engine gives the same answer in
 * float32 (where there is only one, nobody can confirm it). Where no two agree the choice falls on the portable one.
 * @throws {Error} with each engine's reason where none ran.
 */
export function chooseEngine(
  trials: readonly EngineTrial[],
  agreements: readonly Agreement[],
): Pick<EngineChoice, 'engine' | 'reason' | 'trusted'> {
  const sound = trials
    .filter((trial) => trial.kind === 'ran')
    .filter(({ woundDifference }) => woundDifference <= woundTolerance)
    .toSorted((a, b) => fastest(a).ms - fastest(b).ms)
  if (sound.length === 0) {
    const reasons = trials.map(({ engine }) => `${engine}: ${distrustOf(trials, engine)}`)
    throw new Error(`Cannot choose an engine: at least one must run and be right (${reasons.join('; ')})`)
  }
  const confirmed = sound.filter(({ engine }) =>
    agreements.some(
      ({ engines, relativeDifference }) => engines.includes(engine) && relativeDifference <= engineTolerance,
    ),
  )
  const trusted = confirmed.map(({ engine }) => engine)
  if (confirmed.length > 0) {
    const [best, next] = confirmed
    const told = (trial: NonNullable<typeof next>) => {
      const { ms, precision } = fastest(trial)
      return `${ms.toFixed(1)} ms${precision === 'float32' ? '' : ` in ${precision}`}`
    }
    const than = next === undefined ? '' : `, ${next.engine} ${told(next)}`
    return {
      engine: best!.engine,
      reason: `fastest that passes the parity check: ${told(best!)}${than}`,
      trusted,
    }
  }
  if (sound.length === 1)
    return { engine: sound[0]!.engine, reason: 'the only engine that runs here', trusted }
  const portable = sound.find(({ engine }) => engine === 'wasm') ?? sound[0]!
  return { engine: portable.engine, reason: 'no two engines agree, so the portable one', trusted }
}
