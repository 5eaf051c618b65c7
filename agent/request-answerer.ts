import { after } from '../src/async/clock.ts'
import { deferred } from '../src/async/deferred.ts'
import { linkedAbort } from '../src/async/linked-abort.ts'
import type { LinkState } from '../src/bandwidth-probe/link-belief.ts'
import type { Precision } from '../src/executor/engine.ts'
import type { InferenceHost } from '../src/executor/inference-host.ts'
import type { ModelInput } from '../src/executor/inference-protocol.ts'
import type { EdgeBelief } from '../src/latency-model/edge-belief.ts'
import { segmentsMs } from '../src/latency-model/profile.ts'
import type { PooledWorker } from '../src/latency-model/worker-belief.ts'
import type { Beliefs } from '../src/scheduler/beliefs.ts'
import { type PlannedRequest, type PlanSetup, planRequest } from '../src/scheduler/planner.ts'
import type { Measured } from '../src/telemetry/request-record.ts'
import { RequestError } from './request-error.ts'
import type { StreamProgram } from './stream-program.ts'
import { operate } from './surgery/operate.ts'
import type { Instruments, SurgeryResult } from './surgery/surgery.ts'

/** An input in the forms that plans need. */
export interface RequestInput {
  /** Settles once all is known that can be told without making the model's input of it. Its failure is the request's. */
  readonly checked: Promise<unknown>
  /** The model's input, made when it is first asked for and then kept. Its failure is the request's. */
  readonly decoded: () => Promise<ModelInput>
  /** What is sent where the input itself is, one for each input of the model. */
  readonly encoded: (codec: string) => Promise<readonly Uint8Array[]>
}

export interface Request {
  /** Name of the stream that it came on. */
  readonly stream: string
  /** Of the message. */
  readonly bytes: number
  /** After which the answer is worth nothing. */
  readonly timeLeftMs: number
  /** Finds the input in the message; not called for one that is shed. */
  readonly read: () => RequestInput
  /** There is an answer already: it is shed, too, where this one is not expected in time. */
  readonly isOptional?: boolean
  /** The agent's own, before it serves: no arrival, and never left out, however slow the edge is. */
  readonly isTrial?: boolean
}

/** What becomes known of a request on its way, for its record; also where it fails. */
export interface RequestTrace {
  plan?: PlannedRequest
  readonly measured: Measured
}

export interface AnswererOptions {
  /** Asked at each request: the profile is renewed now and then. */
  readonly setup: () => PlanSetup
  readonly program: StreamProgram
  readonly link: () => LinkState
  readonly edge: EdgeBelief
  readonly workers: () => readonly PooledWorker[]
  readonly instruments: Omit<Instruments, 'inference' | 'segmentMs' | 'onEdgeRun'> & {
    readonly inference: Pick<InferenceHost, 'enqueue' | 'runJob' | 'drop' | 'waitMs'>
  }
}

const shedReasons = {
  overload: 'More inputs come than can be answered: it is left out for the others',
  late: 'It would be answered too late to be worth it',
} as const

/**
 * Answers requests of one model, one by one: beliefs, plan, surgery. It knows nothing of messages, so that the simulator
 * has it, too.
 */
export class RequestAnswerer {
  private readonly options: AnswererOptions
  private readonly instruments: Instruments
  private nextSurgery = 0

  constructor(options: AnswererOptions) {
    this.options = options
    const { instruments, edge, setup } = options
    const { clock } = instruments
    const profiledMs = (from: number, to: number, precision?: Precision) =>
      segmentsMs(setup().profile, from, to, precision)
    this.instruments = {
      ...instruments,
      segmentMs: (i, precision) => edge.factorAt(clock.now()) * profiledMs(i, i + 1, precision),
      onEdgeRun: (from, to, ms, precision) => edge.ran(ms, profiledMs(from, to, precision), clock.now()),
    }
  }

  /**
   * @throws {RequestError} `shed`, `timeout`, `no-worker`; {@link AggregateError} of what edge and worker said; what the
   * input's reading throws.
   */
  async answer(request: Request, trace: RequestTrace, signal: AbortSignal): Promise<SurgeryResult> {
    const { stream, bytes, timeLeftMs } = request
    const { clock } = this.options.instruments
    const plannedAtMs = clock.now()
    const setup = this.options.setup()
    const plan = request.isTrial
      ? planRequest(setup, this.beliefs(bytes), bytes)
      : this.plan(setup, stream, bytes)
    trace.plan = plan
    const { chosen, worker, conditions } = plan
    if (request.isOptional && chosen.expectedMs > timeLeftMs) throw new RequestError('shed', shedReasons.late)
    if (worker === undefined && setup.wound !== undefined)
      throw new RequestError(
        'no-worker',
        `Cannot finish: the edge holds only what is before wound ${setup.wound}, and no worker has this model`,
      )
    // First, as it may throw: what is promised is taken back only where the work has begun.
    const input = request.read()
    // A worker's answer does not count for an input that was found to be none.
    const unreadable = deferred<never>()
    const read = <T>(work: Promise<T>): Promise<T> => {
      work.catch(unreadable.reject)
      return work
    }
    void read(input.checked)
    const { headMs, encodeMs, bytes: sentBytes } = chosen.point
    const { promisedMs, promisedBytes } = this.options.program
    const computed = promisedMs.promise(conditions.edgeFactor * (headMs + encodeMs))
    const sent = promisedBytes.promise(sentBytes)
    const life = linkedAbort(signal)
    const { measured } = trace
    const surgery = operate(this.instruments, {
      id: `${this.nextSurgery++}`,
      plannedAtMs,
      plan: chosen,
      worker,
      input: () => read(input.decoded()),
      encodedInput: () => input.encoded(chosen.point.codec),
      resume: conditions.resume,
      answer: setup.answer,
      remoteOnly: (setup.policy === 'input' || setup.wound !== undefined) && {
        another: (failed) => this.another(setup, bytes, failed),
      },
      deadlineMs: plannedAtMs + timeLeftMs,
      signal: life.signal,
      onQueued: computed,
      onSending: sent,
      measured,
    })
    const tooLate = after(clock, timeLeftMs, life.signal).then((): Promise<never> => {
      // The race is over: an error records where it was made, which is much beside a short request.
      if (life.signal.aborted) return new Promise(() => undefined)
      throw new RequestError('timeout', `Not answered within ${Math.round(timeLeftMs)} ms`)
    })
    try {
      return await Promise.race([surgery, tooLate, unreadable.promise])
    } finally {
      computed()
      sent()
      life.abort()
      life.release()
      measured.totalMs = clock.now() - plannedAtMs
    }
  }

  /** @throws {RequestError} `shed` where the input is not worth answering any more, or more is asked than can be answered. */
  private plan(setup: PlanSetup, stream: string, bytes: number): PlannedRequest {
    const { mix, decide } = this.options.program
    const beliefs = this.beliefs(bytes)
    mix.observeArrival(stream, beliefs.nowMs)
    const decision = decide(setup, beliefs, { bytes, stream })
    if (decision.kind === 'plan') return decision.plan
    throw new RequestError('shed', shedReasons[decision.reason])
  }

  private beliefs(inputBytes: number): Beliefs {
    const { link, edge, workers, instruments, program } = this.options
    const nowMs = instruments.clock.now()
    const waitMs = instruments.inference.waitMs() + program.promisedMs.total
    return {
      nowMs,
      link: link(),
      edge: edge.snapshot(nowMs, inputBytes, waitMs),
      workers: workers(),
      promisedBytes: program.promisedBytes.total,
    }
  }

  /** Whom to ask where those have failed that were asked before. */
  private another(
    setup: PlanSetup,
    inputBytes: number,
    failed: ReadonlySet<string>,
  ): PooledWorker | undefined {
    const beliefs = this.beliefs(inputBytes)
    const workers = beliefs.workers.filter(({ id }) => !failed.has(id))
    return planRequest(setup, { ...beliefs, workers }, inputBytes).worker
  }
}
