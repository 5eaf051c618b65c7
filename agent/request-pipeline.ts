import type { AnswerReader } from '../src/answer/answer-reader.ts'
import { InputError } from '../src/input/input-error.ts'
import type { EdgeBelief } from '../src/latency-model/edge-belief.ts'
import type { Model } from '../src/model-graph/model.ts'
import { randomWeights } from '../src/model-graph/model-choice.ts'
import type { StreamSettings } from '../src/scheduler/mix/mix.ts'
import type { Log } from '../src/telemetry/log.ts'
import type { Outcome, PlanRecord, RecordListener } from '../src/telemetry/request-record.ts'
import { blankMessage } from './blank-message.ts'
import type { AgentConfig } from './config.ts'
import { type InputFacts, InputReader, type ReadInput } from './input-reader.ts'
import { Intake } from './intake.ts'
import type { RequestAnswerer, RequestTrace } from './request-answerer.ts'
import { RequestError } from './request-error.ts'
import type { AnswerMessage, ResultMessage } from './request-message.ts'
import type { SurgeryResult } from './surgery.ts'

export interface PipelineOptions {
  readonly config: AgentConfig
  /** The edge holds the head alone. */
  readonly holdsHeadAlone: boolean
  readonly model: Model
  readonly reader: AnswerReader
  readonly answerer: Pick<RequestAnswerer, 'answer'>
  readonly edge: EdgeBelief
  readonly streams: readonly StreamSettings[]
  readonly onRecord: RecordListener
  readonly log: Log
}

export interface RequestMessage {
  readonly id: string
  readonly stream: string
  /** Who asked, within the stream; empty for nobody in particular. */
  readonly source: string
  readonly payload: Uint8Array
  readonly contentType?: string | undefined
  /** What is left of the time that its sender gave it; absent where it gave none. */
  readonly timeLeftMs?: number | undefined
}

/** One request from its bytes to its answer; never throws, so that one bad input costs nothing but its own answer. */
export class RequestPipeline {
  private readonly options: PipelineOptions
  private readonly inputs: InputReader
  private readonly over = new AbortController()
  private readonly intake: Intake
  private isWarm = false

  constructor(options: PipelineOptions) {
    this.options = options
    const { config, model, edge } = options
    const { requests, inputBytesInWork: bytes } = config.limits
    this.intake = new Intake({ requests, bytes })
    this.inputs = new InputReader({
      model,
      maxBytes: config.limits.inputBytes,
      jsonPath: config.input.jsonPath,
      edge,
      slowdown: config.lab.workSlowdown,
    })
  }

  /** Requests in work. */
  get inWork(): number {
    return this.intake.inWork
  }

  get idle(): boolean {
    return this.inWork === 0
  }

  stop(): void {
    this.over.abort(new RequestError('stopping', 'The agent is stopping'))
  }

  /** Answers a blank input twice, so that the first real request does not pay for cold code. Teaches nothing. */
  async warmUp(): Promise<void> {
    // With the head alone there may be nobody yet to finish.
    if (!this.options.holdsHeadAlone) {
      const payload = await blankMessage(this.options.model.manifest)
      for (const id of ['warm-up-1', 'warm-up-2']) {
        const result = await this.answer({ id, stream: this.options.streams[0]!.name, source: '', payload })
        if (!result.ok)
          throw new Error(`Cannot serve: a blank input is not answered: ${result.error.message}`)
      }
    }
    this.isWarm = true
  }

  async answer(message: RequestMessage): Promise<ResultMessage> {
    const { limits } = this.options.config
    const { id, stream, source, payload } = message
    const arrivedAt = Date.now()
    const trace: RequestTrace = { measured: { totalMs: 0, sentBytes: 0 } }
    const end = this.intake.admit(`${stream}/${source}`, payload.length)
    let result: ResultMessage
    try {
      if (end === undefined) throw new RequestError('overloaded', this.fullness(payload.length))
      const timeLeftMs = Math.min(limits.requestMs, message.timeLeftMs ?? Number.POSITIVE_INFINITY)
      const { answerer } = this.options
      const bytes = payload.length
      let input: ReadInput | undefined
      const read = () => (input = this.inputs.read(message, (ms) => this.onRead(bytes, ms, trace)))
      const answered = await answerer.answer({ stream, bytes, timeLeftMs, read }, trace, this.over.signal)
      result = this.answerOf(message, answered, await input!.facts(), trace)
    } catch (error) {
      const reason = this.over.signal.aborted ? this.over.signal.reason : error
      const code = codeOf(reason)
      // What is left out because others come is no fault, and there may be twenty a second.
      const level = code === 'shed' ? 'debug' : 'warn'
      this.options.log(level, 'a request failed', { id, source, reason: describe(reason) })
      result = {
        ok: false,
        id,
        ...(source !== '' && { source }),
        error: { code, message: describe(reason) },
      }
    } finally {
      end?.()
    }
    if (this.isWarm)
      this.options.onRecord({
        id,
        stream,
        arrivedAt,
        input: { bytes: payload.length },
        plan: trace.plan && planRecord(trace),
        measured: trace.measured,
        outcome: outcomeOf(result),
      })
    return result
  }

  private fullness(bytes: number): string {
    const { requests, inputBytesInWork } = this.options.config.limits
    return `${this.inWork} requests are in work already, with which this one of ${bytes} bytes would be more than its sender's share of limits.requests (${requests}) or limits.inputBytesInWork (${inputBytesInWork})`
  }

  private onRead(bytes: number, ms: number, { measured }: RequestTrace): void {
    measured.inputMs = ms
    if (this.isWarm) this.options.edge.decoded(bytes, ms)
  }

  private answerOf(
    { id, source }: RequestMessage,
    { values, finishedAt }: SurgeryResult,
    { sent, isDamaged }: InputFacts,
    trace: RequestTrace,
  ): AnswerMessage {
    const { config, reader } = this.options
    const { measured } = trace
    const { chosen, worker, conditions } = trace.plan!
    const { remote } = measured
    return {
      ok: true,
      id,
      ...(source !== '' && { source }),
      ...(finishedAt === 'worker' ? reader.readCondensed(values, sent) : reader.read(values, sent)),
      ...(isDamaged && { damaged: true }),
      ...(config.model.weights === randomWeights && { weights: randomWeights }),
      plan: {
        wound: chosen.point.wound,
        codec: chosen.point.codec,
        worker: worker?.id,
        predictedMs: chosen.expectedMs,
        uplinkBps: conditions.link?.uplinkBps ?? null,
      },
      finishedAt,
      bytes: measured.sentBytes,
      totalMs: measured.totalMs,
      headMs: measured.headMs ?? 0,
      encodeMs: measured.encodeMs ?? 0,
      backendMs: remote && remote.decodeMs + remote.elapsedMs,
    }
  }
}

function planRecord({ plan }: RequestTrace): PlanRecord {
  const { chosen, worker, conditions } = plan!
  const { edgeMs, remoteMs, remoteDeviationMs, localMs, expectedMs } = chosen
  return {
    wound: chosen.point.wound,
    codec: chosen.point.codec,
    worker: worker?.id,
    predicted: {
      edgeMs,
      ...(Number.isFinite(remoteMs) && { remoteMs }),
      remoteDeviationMs,
      localMs,
      expectedMs,
    },
    ...(conditions.link !== undefined && { uplinkBps: conditions.link.uplinkBps }),
    edgeFactor: conditions.edgeFactor,
    edgeWaitMs: conditions.edgeWaitMs,
  }
}

function outcomeOf(result: ResultMessage): Outcome {
  if (result.ok) return { kind: 'answered', finishedAt: result.finishedAt }
  const { code, message } = result.error
  return { kind: code === 'overloaded' || code === 'shed' ? 'refused' : 'failed', code, message }
}

function codeOf(error: unknown): string {
  if (error instanceof AggregateError) return codeOf(error.errors[0])
  if (error instanceof InputError || error instanceof RequestError) return error.code
  if (error instanceof Error && error.name === 'OutputError') return 'bad-output'
  return 'internal'
}

function describe(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(describe).join('; ')
  return error instanceof Error ? error.message : String(error)
}
