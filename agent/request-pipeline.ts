import { confidenceOf } from '../src/answer/confidence.ts'
import { systemClock } from '../src/async/clock.ts'
import { UnchangedFrames } from '../src/scheduler/unchanged-frames.ts'
import type { Log } from '../src/telemetry/log.ts'
import type { RecordListener, RequestRecord } from '../src/telemetry/request-record.ts'
import type { TensorValue } from '../src/tensor/tensor-value.ts'
import { blankMessage } from './blank-message.ts'
import type { AgentConfig } from './config.ts'
import {
  answerMessage,
  describeError,
  failureMessage,
  outcomeOf,
  planRecord,
  reusedMessage,
  secondMessage,
} from './describe-request.ts'
import type { EdgeModel } from './edge-model.ts'
import type { ServedStream } from './edge-models.ts'
import { InputReader, type ReadInput } from './input-reader.ts'
import { doubtfulOf } from './input-streams.ts'
import { Intake } from './intake.ts'
import type { Mind } from './mind.ts'
import { asksForReset, PublisherStates } from './publisher-states.ts'
import type { RequestTrace } from './request-answerer.ts'
import type { Case, RequestMessage } from './request-case.ts'
import { RequestError } from './request-error.ts'
import type { AnswerMessage, ResultMessage } from './request-message.ts'

export interface PipelineOptions {
  readonly config: AgentConfig
  readonly streams: readonly ServedStream[]
  /** Of that name, as far as it is known. */
  readonly larger: (model: string) => EdgeModel | undefined
  readonly mind: Pick<Mind, 'of' | 'compared'>
  readonly onRecord: RecordListener
  readonly log: Log
}

/** Of what is left of a request's time, what a larger model's answer must leave to publish the first one. */
const reserveMs = 20

/** One request from its bytes to its answer; never throws, so that one bad input costs nothing but its own answer. */
export class RequestPipeline {
  private readonly options: PipelineOptions
  private readonly streams: ReadonlyMap<string, ServedStream>
  private readonly readers = new Map<EdgeModel, InputReader>()
  /** Of the models that have state. */
  private readonly states = new Map<EdgeModel, PublisherStates>()
  /** Of the streams whose inputs are compared. */
  private readonly unchanged = new Map<string, UnchangedFrames<AnswerMessage>>()
  private readonly over = new AbortController()
  private readonly intake: Intake
  /** In the order in which they came. */
  private readonly inHand = new Set<Case>()
  private isWarm = false

  constructor(options: PipelineOptions) {
    this.options = options
    const { config, streams } = options
    const { requests, inputBytesInWork: bytes } = config.limits
    this.intake = new Intake({ requests, bytes })
    this.streams = new Map(streams.map((stream) => [stream.name, stream]))
    for (const { model } of streams) {
      const { state } = model.reader
      if (state.length > 0) this.states.set(model, new PublisherStates(state, 1000 * config.input.stateGapS))
    }
    for (const { name, unchanged } of streams)
      if (unchanged !== undefined) this.unchanged.set(name, new UnchangedFrames(unchanged))
  }

  /** Requests in work. */
  get inWork(): number {
    return this.intake.inWork
  }

  /** How long the oldest request has been in work, milliseconds; undefined where there is none. */
  get oldestMs(): number | undefined {
    const [oldest] = this.inHand
    return oldest && systemClock.now() - oldest.beganMs
  }

  get idle(): boolean {
    return this.inWork === 0
  }

  stop(): void {
    this.over.abort(new RequestError('stopping', 'The agent is stopping'))
  }

  /** Has each model answer a blank input twice, so that the first real request does not pay for cold code. Teaches nothing. */
  async warmUp(): Promise<void> {
    for (const model of new Set([...this.streams.values()].map((stream) => stream.model))) {
      // With the head alone there may be nobody yet to finish.
      if (model.holdsHeadAlone) continue
      const stream = [...this.streams.values()].find((each) => each.model === model)!.name
      const payload = await blankMessage(model.model.manifest, this.options.config.input.header)
      for (const id of ['warm-up-1', 'warm-up-2']) {
        const message = { id, stream, source: '', topic: '', payload }
        const timeLeftMs = this.options.config.limits.requestMs
        const request = { message, arrivedAt: Date.now(), beganMs: systemClock.now(), timeLeftMs }
        await this.ask(model, stream, request, newTrace()).catch((cause: Error) => {
          throw new Error(`Cannot serve: a blank input is not answered: ${cause.message}`, { cause })
        })
      }
    }
    this.isWarm = true
  }

  /** @returns undefined where nothing is to be said, as the input looks like the last. */
  async answer(message: RequestMessage): Promise<ResultMessage | undefined> {
    const { limits } = this.options.config
    const timeLeftMs = Math.min(limits.requestMs, message.timeLeftMs ?? Number.POSITIVE_INFINITY)
    const request: Case = { message, arrivedAt: Date.now(), beganMs: systemClock.now(), timeLeftMs }
    const { stream, source, payload } = message
    const end = this.intake.admit(`${stream}/${source}`, payload.length)
    this.inHand.add(request)
    try {
      if (end === undefined) throw new RequestError('overloaded', this.fullness(payload.length))
      return await this.unlessUnchanged(request)
    } catch (error) {
      return this.failed(request, newTrace(), error)
    } finally {
      this.inHand.delete(request)
      end?.()
    }
  }

  private fullness(bytes: number): string {
    const { requests, inputBytesInWork } = this.options.config.limits
    return `${this.inWork} requests are in work already, with which this one of ${bytes} bytes would be more than its sender's share of limits.requests (${requests}) or limits.inputBytesInWork (${inputBytesInWork})`
  }

  /** Compared with what was computed last, before anything is planned: to the mix what is reused is no work. */
  private async unlessUnchanged(request: Case): Promise<ResultMessage | undefined> {
    const { message, beganMs } = request
    const { unchanged: settings, model } = this.streams.get(message.stream)!
    const frames = this.unchanged.get(message.stream)
    if (settings === undefined || frames === undefined) return this.compute(request)
    const sketch = await this.readerOf(model).sketch(message)
    const compared = frames.compare(message.topic, sketch, beganMs)
    const { id, stream, payload } = message
    const totalMs = systemClock.now() - beganMs
    this.options.mind.compared(stream, compared.kind === 'unchanged', totalMs)
    if (compared.kind === 'unchanged') {
      this.record(request, stream, { measured: { totalMs, sentBytes: 0 } }, { kind: 'reused' })
      this.options.log('debug', 'an input looks like the last', { id, bytes: payload.length })
      return settings.reuse === 'silence' ? undefined : reusedMessage(id, compared.answer, totalMs)
    }
    const result = await this.compute(request)
    compared.end(result.ok && result.damaged !== true ? result : undefined)
    return result
  }

  private async compute(request: Case): Promise<ResultMessage> {
    const { stream } = request.message
    const { model, cascade } = this.streams.get(stream)!
    const trace = newTrace()
    let first: AnswerMessage
    try {
      first = await this.ask(model, stream, request, trace)
    } catch (error) {
      return this.failed(request, trace, error)
    }
    const isDoubtful = cascade !== undefined && (confidenceOf(first) ?? 1) < cascade.below
    const larger = isDoubtful ? this.options.larger(cascade.model) : undefined
    const second = larger && (await this.askLarger(larger, first, request, trace))
    this.record(request, stream, trace, second === undefined ? outcomeOf(first) : { kind: 'doubted' })
    return second ?? first
  }

  /** @returns undefined where the larger model is not asked or gives no answer in time: the first one holds. */
  private async askLarger(
    model: EdgeModel,
    first: AnswerMessage,
    request: Case,
    { measured }: RequestTrace,
  ): Promise<AnswerMessage | undefined> {
    const trace = newTrace()
    const { beganMs } = request
    const stream = doubtfulOf(request.message.stream)
    const timeLeftMs = request.timeLeftMs - (systemClock.now() - beganMs) - reserveMs
    try {
      const answer = await this.ask(model, stream, { ...request, timeLeftMs }, trace, true)
      this.record(request, stream, trace, outcomeOf(answer), model.name)
      return secondMessage(answer, first, systemClock.now() - beganMs)
    } catch (error) {
      const { id } = request.message
      this.options.log('debug', 'a larger model was not heard', { id, reason: describeError(error) })
      measured.sentBytes += trace.measured.sentBytes
      return undefined
    }
  }

  /** One model's answer, of one with state in the publisher's turn. @throws as {@link RequestAnswerer.answer} does */
  private async ask(
    model: EdgeModel,
    stream: string,
    request: Case,
    trace: RequestTrace,
    isOptional = false,
  ): Promise<AnswerMessage> {
    const states = this.states.get(model)
    if (states === undefined) return (await this.askOnce(model, stream, request, trace, isOptional)).result
    const { message, beganMs } = request
    const sample = { atMs: beganMs, reset: asksForReset(message.payload) }
    const askedMs = systemClock.now()
    return states.inTurn(message.topic, sample, (state) => {
      const timeLeftMs = request.timeLeftMs - (systemClock.now() - askedMs)
      return this.askOnce(model, stream, { ...request, timeLeftMs }, trace, isOptional, state)
    })
  }

  private async askOnce(
    model: EdgeModel,
    stream: string,
    { message, timeLeftMs }: Case,
    trace: RequestTrace,
    isOptional: boolean,
    held?: readonly TensorValue[],
  ): Promise<{ result: AnswerMessage; state: readonly TensorValue[] }> {
    const { answerer, edge } = this.options.mind.of(model.hash)
    const bytes = message.payload.length
    let input: ReadInput | undefined
    const onRead = (ms: number) => {
      trace.measured.inputMs = ms
      if (this.isWarm) edge.decoded(bytes, ms)
    }
    const read = () => (input = this.readerOf(model).read(message, onRead, held))
    const request = { stream, bytes, timeLeftMs, read, isOptional, isTrial: !this.isWarm }
    const answered = await answerer.answer(request, trace, this.over.signal)
    const { values, finishedAt } = answered
    const state = held === undefined ? [] : model.reader.stateOf(values, finishedAt === 'worker')
    return { result: answerMessage(message, model, answered, await input!.facts(), trace), state }
  }

  private readerOf(model: EdgeModel): InputReader {
    const known = this.readers.get(model)
    if (known !== undefined) return known
    const { config, mind } = this.options
    const reader = new InputReader({
      model: model.model,
      maxBytes: config.limits.inputBytes,
      jsonPath: config.input.jsonPath,
      header: config.input.header,
      edge: mind.of(model.hash).edge,
      slowdown: config.lab.workSlowdown,
    })
    this.readers.set(model, reader)
    return reader
  }

  private failed(request: Case, trace: RequestTrace, error: unknown): ResultMessage {
    const { message } = request
    const { id, source, stream } = message
    const reason = this.over.signal.aborted ? this.over.signal.reason : error
    const result = failureMessage(message, reason)
    // What is left out because others come is no fault, and there may be twenty a second.
    const level = result.error.code === 'shed' ? 'debug' : 'warn'
    this.options.log(level, 'a request failed', { id, source, reason: result.error.message })
    this.record(request, stream, trace, outcomeOf(result))
    return result
  }

  private record(
    { message, arrivedAt }: Case,
    stream: string,
    trace: RequestTrace,
    outcome: RequestRecord['outcome'],
    model = this.streams.get(message.stream)!.model.name,
  ): void {
    if (!this.isWarm) return
    this.options.onRecord({
      id: message.id,
      stream,
      model,
      ...(message.traceparent !== undefined && { traceparent: message.traceparent }),
      arrivedAt,
      input: { bytes: message.payload.length },
      plan: planRecord(trace),
      measured: trace.measured,
      outcome,
    })
  }
}

function newTrace(): RequestTrace {
  return { measured: { totalMs: 0, sentBytes: 0 } }
}
