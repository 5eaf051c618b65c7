import type { Clock } from '../src/async/clock.ts'
import { LinkBelief, type LinkState } from '../src/bandwidth-probe/link-belief.ts'
import { type Carrier, LinkProber, type ProbedSession } from '../src/bandwidth-probe/link-prober.ts'
import type { StreamSettings } from '../src/scheduler/mix/mix.ts'
import type { MixReport } from '../src/scheduler/mix/mix-report.ts'
import type { Log } from '../src/telemetry/log.ts'
import type { PoolSession } from './exchange.ts'
import { type MindedModel, ModelMind, type ModelMindOptions } from './model-mind.ts'
import { type Decide, StreamProgram } from './stream-program.ts'

export interface MindOptions {
  readonly clock: Clock
  /** With the pool. */
  readonly session: PoolSession & ProbedSession
  readonly topicPrefix: string
  readonly device: string
  readonly probeTopic: string
  readonly probe: { readonly staleMs: number; readonly bytes: number }
  readonly models: readonly MindedModel[]
  /** Names or hashes of models that may be added. */
  readonly askedElsewhere?: ReadonlySet<string>
  /** Of all models. */
  readonly streams: readonly StreamSettings[]
  /** The mix of plans where absent. */
  readonly decide?: Decide | undefined
  readonly log: Log
}

/** Everything an agent believes, what feeds it, and what decides by it. The daemon and the simulator have the same. */
export class Mind {
  private readonly prober: LinkProber
  private readonly models = new Map<string, ModelMind>()
  private readonly common: Omit<ModelMindOptions, 'model' | 'isElsewhere'>
  private readonly isElsewhere: ModelMindOptions['isElsewhere']
  private readonly program: StreamProgram
  private readonly clock: Clock
  /** When a request was planned last. */
  private askedAtMs: number

  constructor(options: MindOptions) {
    const {
      clock,
      session,
      probe,
      probeTopic,
      models,
      askedElsewhere = new Set(),
      streams,
      decide,
      ...rest
    } = options
    const belief = new LinkBelief({ staleMs: probe.staleMs, probeBytes: probe.bytes })
    this.clock = clock
    this.askedAtMs = clock.now()
    const demand = () => ({ hasWorkers: this.hasWorkers, idleMs: clock.now() - this.askedAtMs })
    this.prober = new LinkProber({ session, belief, probeTopic, clock, demand })
    const program = new StreamProgram(streams, decide)
    this.program = program
    this.common = {
      ...rest,
      clock,
      session,
      program,
      link: () => this.linkWithBacklog(),
      onDownlink: (bytes: number, ms: number) => belief.answered(bytes, ms, clock.now()),
    }
    this.isElsewhere = ({ name, hash }) =>
      this.models.has(hash) || askedElsewhere.has(name) || askedElsewhere.has(hash)
    for (const model of models) this.remember(model)
  }

  /** Thinks of one more model from now on. */
  async add(model: MindedModel): Promise<void> {
    if (!this.models.has(model.modelHash)) await this.remember(model).start()
  }

  private remember(model: MindedModel): ModelMind {
    const { common, isElsewhere } = this
    const mind = new ModelMind({ ...common, model, isElsewhere })
    this.models.set(model.modelHash, mind)
    return mind
  }

  get link(): LinkState {
    return this.prober.state
  }

  /** What carries the session with the pool, and how often that has become another interface. */
  get carrier(): { readonly now: Carrier | undefined; readonly changes: number } {
    return { now: this.prober.carrier, changes: this.prober.changes }
  }

  /** @throws {RangeError} for the hash of no model of this agent */
  of(modelHash: string): ModelMind {
    const mind = this.models.get(modelHash)
    if (mind === undefined)
      throw new RangeError(
        `Cannot think of a model: its hash must be one of ${[...this.models.keys()].join(', ')}, current value is ${modelHash}`,
      )
    return mind
  }

  /** An input of a stream was compared with the last one computed, which took so many milliseconds. */
  compared(stream: string, isUnchanged: boolean, tookMs: number): void {
    this.program.compared(stream, isUnchanged, tookMs, this.clock.now())
  }

  /** What the streams are answered by and why; undefined where that is as it was told last. */
  report(): MixReport | undefined {
    return this.program.report([...this.models.values()].flatMap(({ setup }) => setup.excluded ?? []))
  }

  private get hasWorkers(): boolean {
    return [...this.models.values()].some(({ workers }) => workers.length > 0)
  }

  /** For a request that is planned now: what waits here for the link to be free is ahead of it as well. */
  private linkWithBacklog(): LinkState {
    this.askedAtMs = this.clock.now()
    const { state } = this.prober
    if (state.kind !== 'up') return state
    let waitingBytes = 0
    for (const model of this.models.values()) waitingBytes += model.waitingBytes
    return { ...state, backlogBytes: state.backlogBytes + waitingBytes }
  }

  /** Looks at the link and for workers, unless nothing is ever sent. */
  async start(): Promise<void> {
    const sending = [...this.models.values()].filter(({ setup }) => setup.policy !== 'local')
    if (sending.length === 0) return
    this.prober.start()
    for (const model of sending) await model.start()
  }

  stop(): void {
    this.prober.stop()
  }
}
