import type { Clock } from '../src/async/clock.ts'
import { LinkBelief, type LinkState } from '../src/bandwidth-probe/link-belief.ts'
import { LinkProber, type ProbedSession } from '../src/bandwidth-probe/link-prober.ts'
import { EdgeBelief } from '../src/latency-model/edge-belief.ts'
import type { PooledWorker } from '../src/latency-model/worker-belief.ts'
import type { StreamSettings } from '../src/scheduler/mix/mix.ts'
import type { PlanSetup } from '../src/scheduler/planner.ts'
import type { Log } from '../src/telemetry/log.ts'
import { Exchange, type PoolSession } from './exchange.ts'
import { type AnswererOptions, type Decide, RequestAnswerer } from './request-answerer.ts'
import { type WorkerSaid, Workers } from './workers.ts'

export interface MindOptions {
  readonly clock: Clock
  /** With the pool. */
  readonly session: PoolSession & ProbedSession
  readonly topicPrefix: string
  readonly device: string
  readonly probeTopic: string
  readonly probe: { readonly staleMs: number; readonly bytes: number }
  readonly modelHash: string
  readonly inference: AnswererOptions['instruments']['inference']
  /** Of the model's outputs, batch axis first. */
  readonly outputShapes: readonly (readonly number[])[]
  readonly setup: PlanSetup
  readonly streams: readonly StreamSettings[]
  /** The mix of plans where absent. */
  readonly decide?: Decide | undefined
  readonly log: Log
}

/** Everything an agent believes, what feeds it, and what decides by it. The daemon and the simulator have the same. */
export class Mind {
  readonly edge = new EdgeBelief()
  readonly answerer: RequestAnswerer
  /** Replaced when the profile is renewed. */
  setup: PlanSetup
  private readonly prober: LinkProber
  private readonly exchange: Exchange
  private readonly pool: Workers

  constructor({
    clock,
    session,
    probe,
    probeTopic,
    inference,
    outputShapes,
    setup,
    streams,
    decide,
    ...rest
  }: MindOptions) {
    const { topicPrefix, device, modelHash, log } = rest
    this.setup = setup
    const belief = new LinkBelief({ staleMs: probe.staleMs, probeBytes: probe.bytes })
    this.prober = new LinkProber({ session, belief, probeTopic, clock })
    const { chain } = setup
    const workers: Workers = new Workers({
      topicPrefix,
      modelHash,
      wounds: new Set(chain.wounds.map(({ id }) => id)),
      now: clock.now,
      log,
      onGone: (worker) => this.exchange.onGone(worker),
    })
    this.pool = workers
    this.exchange = new Exchange({
      session,
      topicPrefix,
      device,
      modelHash,
      workers,
      now: clock.now,
      log,
      onDownlink: (bytes, ms) => belief.answered(bytes, ms, clock.now()),
    })
    this.answerer = new RequestAnswerer({
      setup: () => this.setup,
      streams,
      decide,
      link: () => this.linkWithBacklog(),
      edge: this.edge,
      workers: () => workers.snapshot(),
      instruments: { inference, chain, exchange: this.exchange, outputShapes, clock },
    })
  }

  get link(): LinkState {
    return this.prober.state
  }

  /** Those that serve the model, as they are believed to be now. */
  get workers(): readonly PooledWorker[] {
    return this.pool.snapshot()
  }

  /** Every worker that is there, whether or not it serves the model. */
  get allWorkers(): readonly WorkerSaid[] {
    return this.pool.all
  }

  /** What waits here for the link to be free is ahead of a new request as well. */
  private linkWithBacklog(): LinkState {
    const { state } = this.prober
    if (state.kind !== 'up') return state
    return { ...state, backlogBytes: Math.max(state.backlogBytes, this.exchange.unsentBytes) }
  }

  /** Looks at the link and for workers, unless nothing is ever sent. */
  async start(): Promise<void> {
    if (this.setup.policy === 'local') return
    this.prober.start()
    await this.exchange.start()
  }

  stop(): void {
    this.prober.stop()
  }
}
