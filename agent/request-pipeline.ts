import { systemClock } from '../src/async/clock.ts'
import { blankImage, encodeInput, parseInputCodec, rawInput } from '../src/codec/image-codecs.ts'
import { decodePixels, pixelsToInput } from '../src/codec/image-input.ts'
import { ImageError } from '../src/codec/image-source.ts'
import type { EdgeBelief } from '../src/latency-model/edge-belief.ts'
import { bestClasses } from '../src/model-graph/classify.ts'
import type { Model } from '../src/model-graph/model.ts'
import { randomWeights } from '../src/model-graph/model-choice.ts'
import type { Log } from '../src/telemetry/log.ts'
import type { Outcome, PlanRecord, RecordListener } from '../src/telemetry/request-record.ts'
import type { AgentConfig } from './config.ts'
import type { RequestAnswerer, RequestInput, RequestTrace } from './request-answerer.ts'
import { RequestError } from './request-error.ts'
import type { AnswerMessage, FailureMessage, ResultMessage } from './request-message.ts'
import type { SurgeryResult } from './surgery.ts'

export interface PipelineOptions {
  readonly config: AgentConfig
  /** The edge holds the head alone. */
  readonly holdsHeadAlone: boolean
  readonly model: Model
  readonly labels: readonly string[]
  readonly answerer: Pick<RequestAnswerer, 'answer'>
  readonly edge: EdgeBelief
  readonly onRecord: RecordListener
  readonly log: Log
}

export interface RequestMessage {
  readonly id: string
  readonly payload: Uint8Array
  /** What is left of the time that its sender gave it; absent where it gave none. */
  readonly timeLeftMs?: number | undefined
}

/** One request from its bytes to its answer; never throws, so that one bad input costs nothing but its own answer. */
export class RequestPipeline {
  private readonly options: PipelineOptions
  private readonly over = new AbortController()
  private inWork = 0
  private isWarm = false

  constructor(options: PipelineOptions) {
    this.options = options
  }

  get idle(): boolean {
    return this.inWork === 0
  }

  stop(): void {
    this.over.abort(new RequestError('stopping', 'The agent is stopping'))
  }

  /** Answers a grey picture twice, so that the first real request does not pay for cold code. Teaches nothing. */
  async warmUp(): Promise<void> {
    // With the head alone there may be nobody yet to finish.
    if (!this.options.holdsHeadAlone) {
      const { input } = this.options.model.manifest
      const payload = await blankImage(input.width, input.height)
      for (const id of ['warm-up-1', 'warm-up-2']) {
        const result = await this.answer({ id, payload })
        if (!result.ok)
          throw new Error(`Cannot serve: a grey picture is not answered: ${result.error.message}`)
      }
    }
    this.isWarm = true
  }

  async answer(message: RequestMessage): Promise<ResultMessage> {
    const { limits } = this.options.config
    const { id, payload } = message
    const arrivedAt = Date.now()
    const trace: RequestTrace = { measured: { totalMs: 0, sentBytes: 0 } }
    this.inWork++
    let result: ResultMessage
    try {
      if (this.inWork > limits.requests)
        throw new RequestError(
          'overloaded',
          `${limits.requests} requests are in work already, which is the limit`,
        )
      const timeLeftMs = Math.min(limits.requestMs, message.timeLeftMs ?? Number.POSITIVE_INFINITY)
      const answered = await this.options.answerer.answer(
        this.inputOf(payload, trace),
        timeLeftMs,
        trace,
        this.over.signal,
      )
      result = this.answerOf(id, answered, trace)
    } catch (error) {
      const reason = this.over.signal.aborted ? this.over.signal.reason : error
      this.options.log('warn', 'a request failed', { id, reason: describe(reason) })
      result = failure(id, codeOf(reason), describe(reason))
    } finally {
      this.inWork--
    }
    if (this.isWarm)
      this.options.onRecord({
        id,
        stream: 'default',
        arrivedAt,
        input: { bytes: payload.length },
        plan: trace.plan && planRecord(trace),
        measured: trace.measured,
        outcome: outcomeOf(result),
      })
    return result
  }

  /** Decoded at once and only once: it shows whether the input can be read at all, whatever the plan. */
  private inputOf(payload: Uint8Array, { measured }: RequestTrace): RequestInput {
    const { config, model, edge } = this.options
    const { input } = model.manifest
    const beginMs = systemClock.now()
    const pixels = decodePixels(payload, input, { maxBytes: config.limits.inputBytes })
    const tensor = pixels.then((each) => pixelsToInput(each, input))
    tensor.then(
      () => {
        measured.inputMs = systemClock.now() - beginMs
        if (this.isWarm) edge.decoded(payload.length, measured.inputMs)
      },
      () => undefined,
    )
    return {
      bytes: payload.length,
      tensor: () => tensor,
      encoded: (codec) => (codec === rawInput ? pixels : this.encodeInput(payload, codec)),
    }
  }

  private async encodeInput(payload: Uint8Array, codec: string): Promise<Uint8Array> {
    const { model, edge } = this.options
    const parsed = parseInputCodec(codec)
    if (parsed.kind === 'received') return payload
    const beginMs = systemClock.now()
    const bytes = await encodeInput(payload, model.manifest.input, parsed)
    edge.encodedInput(codec, bytes.length, systemClock.now() - beginMs)
    return bytes
  }

  private answerOf(id: string, { values, finishedAt }: SurgeryResult, trace: RequestTrace): AnswerMessage {
    const { config, model, labels } = this.options
    const { measured } = trace
    const { chosen, worker, conditions } = trace.plan!
    const { remote } = measured
    return {
      ok: true,
      id,
      top: bestClasses(values[0]!, model.manifest, labels),
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
  return { kind: code === 'overloaded' ? 'refused' : 'failed', code, message }
}

function failure(id: string, code: string, message: string): FailureMessage {
  return { ok: false, id, error: { code, message } }
}

function codeOf(error: unknown): string {
  if (error instanceof AggregateError) return codeOf(error.errors[0])
  if (error instanceof ImageError || error instanceof RequestError) return error.code
  if (error instanceof Error && error.name === 'OutputError') return 'bad-output'
  return 'internal'
}

function describe(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(describe).join('; ')
  return error instanceof Error ? error.message : String(error)
}
