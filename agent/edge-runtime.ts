import type { Calibration } from '../src/codec/calibration-file.ts'
import { type EngineName, type RoundedPrecision, roundedPrecisions } from '../src/executor/engine.ts'
import { runTrial } from '../src/executor/engine-trial.ts'
import { InferenceHost } from '../src/executor/inference-host.ts'
import { engineVersion } from '../src/executor/installed-engines.ts'
import { crossingExamples, woundTolerance } from '../src/executor/parity.ts'
import type { RunDispatcher } from '../src/executor/run-dispatcher.ts'
import { type ChainSegment, keyIn, type SegmentChain, segmentChain } from '../src/executor/segment-chain.ts'
import { remember } from '../src/files/remember.ts'
import {
  machineName,
  measureProfile,
  measureSegments,
  profileOfNothing,
} from '../src/latency-model/measure-profile.ts'
import type { Profile } from '../src/latency-model/profile.ts'
import { profilePath, readProfile } from '../src/latency-model/profile-store.ts'
import { findWound } from '../src/model-graph/find-wound.ts'
import { borderShape } from '../src/model-graph/layer-graph.ts'
import { pictureOf } from '../src/model-graph/manifest.ts'
import type { Model } from '../src/model-graph/model.ts'
import { accuracyBudget } from '../src/scheduler/accuracy-budget.ts'
import { plannedWounds } from '../src/scheduler/candidate-wounds.ts'
import { type CodecOption, codecOptions } from '../src/scheduler/codec-options.ts'
import type { ExcludedPlan } from '../src/scheduler/mix/limits.ts'
import { allowedWounds } from '../src/scheduler/private-wounds.ts'
import { type UsablePrecisions, usablePrecisions } from '../src/scheduler/usable-precisions.ts'
import type { Log } from '../src/telemetry/log.ts'
import type { AgentConfig } from './config.ts'

/** With what settings of `auto` stand for. */
export type EdgeConfig = Omit<AgentConfig, 'engine' | 'threads'> & {
  readonly engine: EngineName
  readonly threads: number
}

/** What a model's half needs of the agent. */
export interface EdgeSurroundings {
  readonly calibration: Calibration | undefined
  /** Where there are several models: what they compute goes through one queue. */
  readonly dispatcher?: RunDispatcher | undefined
  readonly log: Log
}

const progressMs = 5000

/** The edge's half of the model: its segments in the inference thread, and what they take on this machine. */
export class EdgeRuntime {
  readonly chain: SegmentChain
  readonly inference: InferenceHost
  /** The segments that can be asked for: with a fixed wound the head's only, and only these are held. */
  private readonly needed: readonly ChainSegment[]
  /** What may cross, by wound. */
  readonly codecs: ReadonlyMap<string, readonly CodecOption[]>
  /** What might cross but for what the operator allows. */
  readonly excluded: readonly ExcludedPlan[]
  /** Of the model's outputs, batch axis first. */
  readonly outputShapes: readonly (readonly number[])[]
  /** In what the whole model may be computed besides float32, by what the calibration has of it. */
  readonly precisions: UsablePrecisions
  /** In which of them its segments are loaded, too. */
  private readonly loaded = new Set<RoundedPrecision>()
  /** Some segment is not in the cache of compiled segments, and so its weights are held twice for a while. */
  compiledInMemory = false
  private readonly config: EdgeConfig
  private readonly model: Model
  private readonly log: Log

  constructor(config: EdgeConfig, model: Model, { calibration, dispatcher, log }: EdgeSurroundings) {
    this.config = config
    this.model = model
    this.log = log
    const { graph } = model
    const wounds = plannedWounds(graph, calibration)
    if (config.wound === undefined) {
      this.chain = segmentChain(graph, wounds)
      this.needed = this.chain.segments
    } else {
      const wound = findWound(graph, config.wound)
      const [input, local] = [wounds[0]!, wounds.at(-1)!]
      this.chain = segmentChain(graph, wound.id === input.id ? [input, local] : [input, wound, local])
      this.needed = this.chain.segments.slice(0, this.chain.indexOf(wound.id))
    }
    const { privacy } = config.limits
    const allowed = new Set(allowedWounds(graph, this.chain.wounds, privacy).map(({ id }) => id))
    const fixed = config.policy === 'input' ? 'input' : this.fixedWound
    if (fixed !== undefined && !allowed.has(fixed))
      throw new RangeError(
        `Cannot cut at ${fixed}: limits.privacy is ${privacy}, and more than that would leave the device`,
      )
    const budget = calibration && accuracyBudget(calibration, config.maxAccuracyLoss)
    const isWhole = this.needed.length === this.chain.segments.length
    this.precisions = usablePrecisions(isWhole ? calibration : undefined, {
      maxAccuracyLoss: config.maxAccuracyLoss,
      architecture: process.arch,
    })
    const codecs = codecsOf(inputRules(config, model), this.chain, calibration)
    this.codecs = new Map([...codecs].filter(([wound]) => allowed.has(wound)))
    this.excluded = [
      ...[...codecs.keys()]
        .filter((wound) => !allowed.has(wound))
        .map((name) => ({ name, limit: 'privacy' as const })),
      ...(budget?.refused ?? [])
        .filter(({ wound }) => allowed.has(wound))
        .map(({ wound, codec }) => ({ name: `${wound}/${codec}`, limit: 'maxAccuracyLoss' as const })),
    ]
    this.outputShapes = model.graph.outputs.map((id) => [1, ...borderShape(model.graph.tensors[id]!)])
    this.inference = new InferenceHost(
      {
        ...config.model,
        engine: config.engine,
        threads: config.threads,
        slowdown: config.lab.edgeSlowdown,
        workSlowdown: config.lab.workSlowdown,
        compiledCache: config.compiledCache,
      },
      {
        ...(dispatcher !== undefined && { shared: { dispatcher, name: model.hash } }),
        runLimitMs: config.limits.requestMs,
        onFault: (error) => log('error', 'the inference thread failed', { error }),
        onNote: (note) => {
          if (note.kind === 'log') log(note.level, note.message, note.fields)
          else this.compiledInMemory = true
        },
      },
    )
  }

  /** What computes, and what comes out. */
  get computing(): Pick<EdgeRuntime, 'inference' | 'outputShapes'> {
    return { inference: this.inference, outputShapes: this.outputShapes }
  }

  /** Id of the only wound there is to cut at, where the configuration fixes it. */
  get fixedWound(): string | undefined {
    return this.config.wound === undefined ? undefined : this.chain.wounds[this.needed.length]!.id
  }

  /**
   * Starts the inference thread, loads the segments needed and finds or measures the profile; with the wound `input`
   * there are none, and no thread.
   */
  async start(): Promise<Profile> {
    if (this.needed.length === 0) return this.measure()
    await this.inference.start()
    for (const segment of this.needed) await this.inference.load(segment.key, segment)
    const stored = await readProfile(this.profilePath)
    if (stored !== undefined && this.matches(stored)) {
      for (const precision of this.precisions.usable)
        if (stored[precision]!.length > 0) await this.loadIn(precision)
      return this.permitted(stored)
    }
    for (const precision of this.precisions.foreign)
      this.leaveOut(precision, `it was calibrated on another architecture than this one, ${process.arch}`)
    for (const precision of this.precisions.usable) await this.tryIn(precision)
    const beganMs = performance.now()
    const fields = { model: this.model.manifest.name, engine: this.config.engine }
    this.log('info', 'measuring this machine, once', { ...fields, segments: this.needed.length })
    const profile = await this.measure()
    const seconds = Math.round((performance.now() - beganMs) / 1000)
    this.log('info', 'measured this machine', { ...fields, seconds })
    return profile
  }

  async stop(): Promise<void> {
    await this.inference.stop()
  }

  /** Measures the profile anew and keeps it. */
  async measure(): Promise<Profile> {
    const { engine, threads, lab } = this.config
    const { edgeSlowdown: slowdown, workSlowdown } = lab
    const subject = {
      modelHash: this.model.hash,
      engine,
      threads,
      slowdown,
      workSlowdown,
      ...this.engineVersion,
    }
    if (this.needed.length === 0) return profileOfNothing(subject)
    const profile = await measureProfile(
      subject,
      this.chain,
      crossingExamples(this.model),
      this.codecs,
      {
        run: (request) => this.inference.run(request, { urgency: 'background' }),
        drop: (request) => this.inference.drop(request),
        onSegment: this.progress(),
      },
      this.needed.length,
    )
    const whole: Profile = { ...profile }
    for (const precision of this.precisions.usable)
      whole[precision] = this.loaded.has(precision) ? await this.measureIn(precision) : []
    await remember(this.profilePath, whole, this.log)
    return whole
  }

  /** A profile without what the calibration does not allow here. */
  permitted(profile: Profile): Profile {
    const allowed = { ...profile }
    for (const precision of roundedPrecisions)
      if (!this.precisions.usable.includes(precision)) delete allowed[precision]
    return allowed
  }

  /** In a process of its own first: a library of the system's may take that down. */
  private async tryIn(precision: RoundedPrecision): Promise<void> {
    const { engine, threads, model } = this.config
    const reply = await runTrial({ ...model, engine, threads, precision })
    const isSound = reply.kind === 'ran' && reply.woundDifference <= woundTolerance
    if (isSound) return this.loadIn(precision)
    this.leaveOut(precision, reply.kind === 'failed' ? reply.reason : 'head and tail differ from the whole')
  }

  private leaveOut(precision: RoundedPrecision, reason: string): void {
    this.log('warn', `${precision} is left out`, { engine: this.config.engine, reason })
  }

  private async loadIn(precision: RoundedPrecision): Promise<void> {
    for (const segment of this.needed)
      await this.inference.load(keyIn(precision, segment), segment, precision)
    this.loaded.add(precision)
  }

  private measureIn(precision: RoundedPrecision): Promise<Profile['segments']> {
    return measureSegments(this.chain, precision, crossingExamples(this.model), {
      run: (request) => this.inference.run(request, { urgency: 'background' }),
      drop: (request) => this.inference.drop(request),
    })
  }

  private get engineVersion(): { readonly engineVersion?: string } {
    const version = engineVersion(this.config.engine)
    return version === undefined ? {} : { engineVersion: version }
  }

  /** Says every few seconds how far measuring is: on a small board it takes minutes. */
  private progress(): (segment: number) => void {
    let saidMs = performance.now()
    return (segment) => {
      if (performance.now() - saidMs < progressMs) return
      saidMs = performance.now()
      this.log('info', 'still measuring', { segment: segment + 1, of: this.needed.length })
    }
  }

  private get profilePath(): string {
    return profilePath(this.config.stateDirectory, this.model.hash, this.config.engine)
  }

  private matches(profile: Profile): boolean {
    return (
      profile.modelHash === this.model.hash &&
      profile.machine === machineName() &&
      profile.engineVersion === this.engineVersion.engineVersion &&
      profile.threads === this.config.threads &&
      profile.slowdown === this.config.lab.edgeSlowdown &&
      (profile.workSlowdown ?? 1) === this.config.lab.workSlowdown &&
      profile.segments.length === this.needed.length &&
      this.precisions.usable.every((precision) => profile[precision] !== undefined) &&
      profile.segments.every((segment, i) => segment.to === this.chain.wounds[i + 1]?.id) &&
      this.featurePairs().every(([wound, codec]) =>
        profile.codecs.some((entry) => entry.wound === wound && entry.codec === codec),
      )
    )
  }

  /** Every pair that the profile must have measured. */
  private featurePairs(): [wound: string, codec: string][] {
    const inner = this.chain.wounds.slice(1, this.needed.length + 1)
    return inner.flatMap(({ id }) =>
      (this.codecs.get(id) ?? []).map(({ codec }): [string, string] => [id, codec]),
    )
  }
}

/** Numbers are sent as they are: they are few, and no picture codec knows them. */
function inputRules(config: EdgeConfig, { manifest }: Model): EdgeConfig {
  const inputs = pictureOf(manifest) === undefined ? { ...config, inputCodecs: ['float32'] } : config
  // What is fed back is never rounded: it would add up.
  return manifest.state === undefined ? inputs : { ...inputs, featureCodecs: ['float32'] }
}

/** With a policy that always sends the input the operator has chosen the codec, whatever it loses. */
function codecsOf(
  { policy, inputCodecs, featureCodecs, maxAccuracyLoss }: EdgeConfig,
  chain: SegmentChain,
  calibration: Calibration | undefined,
): Map<string, CodecOption[]> {
  if (policy === 'input')
    return new Map([['input', inputCodecs.map((codec) => ({ codec, bytes: undefined }))]])
  const wounds = chain.wounds.slice(0, -1).map(({ id }) => id)
  return codecOptions(wounds, { featureCodecs, inputCodecs, maxAccuracyLoss }, calibration)
}
