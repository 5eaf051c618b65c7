import type { Clock } from '../src/async/clock.ts'
import type { LinkState } from '../src/bandwidth-probe/link-belief.ts'
import { EdgeBelief } from '../src/latency-model/edge-belief.ts'
import type { PooledWorker } from '../src/latency-model/worker-belief.ts'
import type { PlanSetup } from '../src/scheduler/planner.ts'
import type { Log } from '../src/telemetry/log.ts'
import { Exchange, type PoolSession } from './exchange.ts'
import { type AnswererOptions, RequestAnswerer } from './request-answerer.ts'
import type { StreamProgram } from './stream-program.ts'
import { type WorkerSaid, Workers } from './workers.ts'

/** A model as its requests need it. */
export interface MindedModel {
  readonly modelHash: string
  readonly inference: AnswererOptions['instruments']['inference']
  /** Of the model's outputs, batch axis first. */
  readonly outputShapes: readonly (readonly number[])[]
  readonly setup: PlanSetup
}

export interface ModelMindOptions {
  readonly model: MindedModel
  /** Whether it is another model that this agent asks workers about. */
  readonly isElsewhere: (announced: { readonly name: string; readonly hash: string }) => boolean
  readonly clock: Clock
  /** With the pool. */
  readonly session: PoolSession
  readonly topicPrefix: string
  readonly device: string
  readonly program: StreamProgram
  readonly link: () => LinkState
  /** An answer took `ms` on its way down. */
  readonly onDownlink: (bytes: number, ms: number) => void
  readonly log: Log
}

/** What is believed of one model: what it takes on this machine, who else serves it and how well. */
export class ModelMind {
  readonly edge = new EdgeBelief()
  readonly answerer: RequestAnswerer
  /** Replaced when the profile is renewed. */
  setup: PlanSetup
  private readonly exchange: Exchange
  private readonly pool: Workers

  constructor({ model, clock, session, program, link, onDownlink, ...rest }: ModelMindOptions) {
    const { modelHash, inference, outputShapes, setup } = model
    const { topicPrefix, device, log } = rest
    this.setup = setup
    const { chain } = setup
    const workers: Workers = new Workers({
      topicPrefix,
      modelHash,
      isElsewhere: rest.isElsewhere,
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
      onDownlink,
    })
    this.answerer = new RequestAnswerer({
      setup: () => this.setup,
      program,
      link,
      edge: this.edge,
      workers: () => workers.snapshot(),
      instruments: { inference, chain, exchange: this.exchange, outputShapes, clock },
    })
  }

  /** Those that serve the model, as they are believed to be now. */
  get workers(): readonly PooledWorker[] {
    return this.pool.snapshot()
  }

  /** Every worker that is there, whether or not it serves the model. */
  get allWorkers(): readonly WorkerSaid[] {
    return this.pool.all
  }

  /** Of requests that somebody waits for: what has not left for the socket yet. */
  get waitingBytes(): number {
    return this.exchange.waitingBytes
  }

  /** Looks for workers. */
  async start(): Promise<void> {
    await this.exchange.start()
  }
}
