import { linkedAbort } from '../src/async/linked-abort.ts'
import { blankImage, encodeInput, parseInputCodec, rawInput } from '../src/codec/image-codecs.ts'
import { decodePixels, pixelsToInput } from '../src/codec/image-input.ts'
import { ImageError } from '../src/codec/image-source.ts'
import { bestClasses } from '../src/model-graph/classify.ts'
import type { Model } from '../src/model-graph/model.ts'
import { randomWeights } from '../src/model-graph/model-choice.ts'
import type { Planner } from '../src/scheduler/planner.ts'
import type { Log } from '../src/telemetry/log.ts'
import type { AgentConfig } from './config.ts'
import { EdgeBacklog } from './edge-backlog.ts'
import type { FailureMessage, ResultMessage } from './request-message.ts'
import { operate, type Theatre } from './surgery.ts'

export interface PipelineOptions {
  readonly config: AgentConfig
  /** The only wound there is to cut at: the edge holds the head alone. */
  readonly fixedWound: string | undefined
  readonly model: Model
  readonly labels: readonly string[]
  readonly planner: Planner
  readonly theatre: Theatre
  readonly log: Log
}

/** The edge holds the head alone, and no worker announces the model. */
class NoWorkerError extends Error {
  override readonly name = 'NoWorkerError'
  readonly code = 'no-worker'
  constructor(wound: string) {
    super(`Cannot finish: the edge holds only what is before wound ${wound}, and no worker has this model`)
  }
}

/** One request from its bytes to its answer; never throws, so that one bad input costs nothing but its own answer. */
export class RequestPipeline {
  private readonly options: PipelineOptions
  private readonly over = new AbortController()
  private inWork = 0
  private operations = 0
  private readonly backlog = new EdgeBacklog()

  constructor(options: PipelineOptions) {
    this.options = options
  }

  get idle(): boolean {
    return this.inWork === 0
  }

  stop(): void {
    this.over.abort(new Error('The agent is stopping'))
  }

  /** Answers a grey picture twice, so that the first real request does not pay for cold code. */
  async warmUp(): Promise<void> {
    // With the head alone there may be nobody yet to finish.
    if (this.options.fixedWound !== undefined) return
    const { input } = this.options.model.manifest
    const grey = await blankImage(input.width, input.height)
    for (const id of ['warm-up-1', 'warm-up-2']) {
      const result = await this.answer(id, grey)
      if (!result.ok) throw new Error(`Cannot serve: a grey picture is not answered: ${result.error.message}`)
    }
  }

  async answer(id: string, payload: Uint8Array): Promise<ResultMessage> {
    const { limits } = this.options.config
    if (this.inWork >= limits.requests) {
      return failure(
        id,
        'overloaded',
        `${this.inWork} requests are in work already, the limit is ${limits.requests}`,
      )
    }
    this.inWork++
    try {
      return await this.work(id, payload)
    } catch (error) {
      this.options.log('warn', 'a request failed', { id, reason: describe(error) })
      return failure(id, codeOf(error), describe(error))
    } finally {
      this.inWork--
    }
  }

  private async work(id: string, payload: Uint8Array): Promise<ResultMessage> {
    const { config, fixedWound, planner, theatre, model, labels } = this.options
    const beginMs = theatre.now()
    const plan = planner.plan(payload.length, this.backlog.waitMs(beginMs))
    const { chosen, worker, conditions } = plan
    const { wound, codec } = chosen.point
    if (worker === undefined && fixedWound !== undefined) throw new NoWorkerError(fixedWound)
    const edgeWorkMs = conditions.edgeFactor * (chosen.point.headMs + chosen.point.encodeMs)
    const fulfilled = this.backlog.promise(edgeWorkMs, beginMs)
    // Decoded at once and only once: it shows whether the input can be read at all, whatever the plan.
    const { input } = model.manifest
    const pixels = decodePixels(payload, input, { maxBytes: config.limits.inputBytes })
    const decoded = pixels.then((each) => pixelsToInput(each, input))
    const unreadable = new Promise<never>((_resolve, reject) => {
      decoded.then(() => planner.observeDecode(theatre.now() - beginMs), reject)
    })
    const life = linkedAbort(this.over.signal)
    const timer = setTimeout(() => life.abort(), config.limits.requestMs)
    const operation = operate(theatre, {
      // Two publishers may have chosen the same id.
      id: `${id} ${this.operations++}`,
      plan: chosen,
      worker,
      input: () => decoded,
      encodedInput: () => (codec === rawInput ? pixels : this.encodeInput(payload, codec)),
      resume: config.resume,
      remoteOnly: config.policy === 'input' || fixedWound !== undefined,
      deadlineMs: beginMs + config.limits.requestMs,
      signal: life.signal,
    })
    // A worker's answer does not count for an input that this agent is told not to take.
    const result = await Promise.race([operation, unreadable]).finally(() => {
      fulfilled()
      clearTimeout(timer)
      life.abort()
      life.release()
    })
    const totalMs = theatre.now() - beginMs
    return {
      ok: true,
      id,
      top: bestClasses(result.values[0]!, model.manifest, labels),
      ...(config.model.weights === randomWeights && { weights: randomWeights }),
      plan: {
        wound,
        codec,
        worker,
        predictedMs: chosen.expectedMs,
        uplinkBps: conditions.link?.uplinkBps ?? null,
      },
      finishedAt: result.finishedAt,
      bytes: result.bytes,
      totalMs,
      headMs: result.headMs,
      encodeMs: result.encodeMs,
      backendMs: result.remote === undefined ? undefined : result.remote.decodeMs + result.remote.elapsedMs,
    }
  }

  private async encodeInput(payload: Uint8Array, codec: string): Promise<Uint8Array> {
    const { model, planner, theatre } = this.options
    const parsed = parseInputCodec(codec)
    if (parsed.kind === 'received') return payload
    const beginMs = theatre.now()
    const bytes = await encodeInput(payload, model.manifest.input, parsed)
    planner.observeInput(codec, bytes.length, theatre.now() - beginMs)
    return bytes
  }
}

function failure(id: string, code: string, message: string): FailureMessage {
  return { ok: false, id, error: { code, message } }
}

function codeOf(error: unknown): string {
  if (error instanceof AggregateError) return codeOf(error.errors.at(-1))
  if (error instanceof ImageError || error instanceof NoWorkerError) return error.code
  if (error instanceof Error && error.name === 'RunCancelledError') return 'timeout'
  if (error instanceof Error && error.name === 'OutputError') return 'bad-output'
  return 'internal'
}

function describe(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(describe).join('; ')
  return error instanceof Error ? error.message : String(error)
}
