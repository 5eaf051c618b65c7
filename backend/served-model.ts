import { median } from 'simple-statistics'
import { blankImage, decodeInput, isInputCodec } from '../src/codec/image-codecs.ts'
import { modelCalibration } from '../src/codec/model-codecs.ts'
import { InferenceHost } from '../src/executor/inference-host.ts'
import type { GivenInput, RunReply } from '../src/executor/inference-protocol.ts'
import { exampleValue } from '../src/executor/parity.ts'
import { segmentChain } from '../src/executor/segment-chain.ts'
import { type EngineState, startWithEngine } from '../src/executor/start-with-engine.ts'
import { machineName } from '../src/latency-model/measure-profile.ts'
import { findWound } from '../src/model-graph/find-wound.ts'
import { borderShape } from '../src/model-graph/layer-graph.ts'
import type { Model } from '../src/model-graph/model.ts'
import { loadChosenModel, type ModelChoice } from '../src/model-graph/model-choice.ts'
import type { Wound } from '../src/model-graph/wound.ts'
import { plannedWounds } from '../src/scheduler/candidate-wounds.ts'
import { localWound } from '../src/scheduler/plan-point.ts'
import type { Log } from '../src/telemetry/log.ts'
import type { Part } from '../src/transport/frame.ts'
import type { WorkerConfig } from './config.ts'
import { TailCache } from './tail-cache.ts'

const warmUpRuns = 2
const measuredRuns = 5
/** Of the picture that stands for what cameras send. */
const exampleWidth = 640
const exampleHeight = 480

/** A request that cannot be served; `code` is what the failure frame says. */
export class RequestError extends Error {
  override readonly name = 'RequestError'
  readonly code: 'unknown-wound' | 'bad-input'
  constructor(code: RequestError['code'], message: string) {
    super(message)
    this.code = code
  }
}

/** A request that fits the model, ready to be finished. */
export interface PreparedRequest {
  readonly wound: Wound
  readonly input: GivenInput
  /** Of a picture. */
  readonly decodeMs: number
}

export interface FinishedRequest {
  readonly encoded: RunReply['encoded']
  /** Of its own picture. */
  readonly decodeMs: number
  /** Of the call that finished it, whoever else was finished in it. */
  readonly elapsedMs: number
  /** Its even share of the call. */
  readonly shareMs: number
}

/** One model: its segments, and as many whole tails as fit. */
export class ServedModel {
  readonly choice: ModelChoice
  /** Milliseconds of the tail per candidate wound, at `input` with decoding a picture, as measured at start. */
  readonly tailMs = new Map<string, number>()
  /** What of `input`'s milliseconds is decoding a picture. */
  pictureMs = 0
  /** Candidate wounds at which several requests in one call are done sooner than one by one. */
  private readonly batchWounds = new Set<string>()
  private readonly config: WorkerConfig
  private readonly log: Log
  /** Known once started. */
  engine!: EngineState
  private inference: InferenceHost | undefined
  private tails!: TailCache
  private model!: Model

  constructor(choice: ModelChoice, config: WorkerConfig, log: Log) {
    this.choice = choice
    this.config = config
    this.log = log
  }

  get hash(): string {
    return this.model.hash
  }

  get name(): string {
    return this.model.manifest.name
  }

  /** Loads what finishes from the wounds that an agent can choose, and measures it. */
  async start(): Promise<void> {
    const { config, log, choice } = this
    const { threads, stateDirectory, limits } = config
    this.model = await loadChosenModel(choice)
    const { graph } = this.model
    const calibration = await modelCalibration(choice.model, this.hash)
    const chain = segmentChain(graph, plannedWounds(graph, calibration))
    const options = {
      ...choice,
      modelHash: this.hash,
      threads,
      machine: machineName(),
      stateDirectory,
      log,
    }
    const { part, engine } = await startWithEngine(config.engine, options, (name) => {
      const { compiledCache } = config
      const setup = { ...choice, engine: name, threads, slowdown: 1, compiledCache }
      const inference = new InferenceHost(setup, {
        onFault: (error) => log('error', 'the inference thread failed', { error }),
        onNote: (note) => note.kind === 'log' && log(note.level, note.message, note.fields),
      })
      const start = async () => {
        await inference.start()
        for (const segment of chain.segments) await inference.load(segment.key, segment)
      }
      return { inference, start, stop: () => inference.stop() }
    })
    const { inference } = part
    this.inference = inference
    this.engine = engine
    this.tails = new TailCache({ graph, chain, inference, tailBytes: limits.tailBytes, log })
    // The shallowest last, so that where not all fit it stays: every agent can send its input.
    for (const wound of chain.wounds.slice(0, -1).toReversed()) {
      // The segments serve a wound whose tail does not compile.
      await this.tails.warm(wound).catch((error: Error) => {
        log('warn', 'a tail was not compiled', { wound: wound.id, error })
      })
      await this.measure(wound)
    }
  }

  async stop(): Promise<void> {
    await this.inference?.stop()
  }

  /** How many requests at a wound are best finished in one call at most. */
  batchLimit(wound: string): number {
    return this.batchWounds.has(wound) ? this.config.limits.batch : 1
  }

  /** @throws {RequestError} for a wound the model has not, or parts that do not fit it. */
  async prepare(woundId: string, codec: string, parts: readonly Part[]): Promise<PreparedRequest> {
    const wound = this.findWound(woundId)
    if (!isInputCodec(codec)) {
      this.checkShapes(wound, parts)
      // Copies of their own: the frame's memory is shared by all its parts and cannot be handed to the thread.
      const encoded = parts.map(({ shape, bytes }) => ({ shape, bytes: new Uint8Array(bytes) }))
      return {
        wound,
        input: { kind: 'encoded', codec, wound: wound.id, tensors: wound.tensors, encoded },
        decodeMs: 0,
      }
    }
    const beginMs = performance.now()
    const image = parts[0]
    if (wound.id !== 'input' || parts.length !== 1 || image === undefined)
      throw new RequestError('bad-input', `Cannot decode ${codec}: it must be one image at the wound input`)
    const maxBytes = this.config.limits.inputBytes
    const value = await decodeInput(codec, image.bytes, this.model.manifest.input, { maxBytes })
    const decodeMs = performance.now() - beginMs
    return { wound, input: { kind: 'values', tensors: wound.tensors, values: [value] }, decodeMs }
  }

  /** Finishes requests of one wound in one call; results are in their order and equal to those of single calls. */
  async finish(requests: readonly PreparedRequest[], signal?: AbortSignal): Promise<FinishedRequest[]> {
    const { wound } = requests[0]!
    const members = requests.map(({ input }) => input)
    const { outputs } = this.model.graph
    const segments = await this.tails.segmentsFor(wound)
    this.log('debug', 'serving', { wound: wound.id, requests: requests.length, segments })
    const reply = await this.inference!.run(
      {
        request: 'tail',
        segments,
        input: members.length === 1 ? members[0]! : { kind: 'batch', members },
        output: outputs,
        keep: false,
        encode: { codec: resultCodec, wound: localWound },
        values: false,
      },
      signal === undefined ? {} : { signal },
    )
    const elapsedMs = reply.decodeMs + reply.segmentMs.reduce((sum, ms) => sum + ms, 0) + reply.encodeMs
    return requests.map(({ decodeMs }, i) => ({
      encoded: reply.encoded.slice(i * outputs.length, (i + 1) * outputs.length),
      decodeMs,
      elapsedMs,
      shareMs: elapsedMs / requests.length,
    }))
  }

  /** To be called when no request waits: compiles a tail that was asked for and is not there, in the background. */
  prepareTail(): void {
    this.tails.warmWhenIdle()
  }

  private async measure(wound: Wound): Promise<void> {
    const { batch, batchGain } = this.config.limits
    const times: { one: number[]; each: number[]; picture: number[] } = { one: [], each: [], picture: [] }
    for (let n = 0; n < warmUpRuns + measuredRuns; n++) {
      const request = await this.exampleRequest(wound)
      const [alone] = await this.finish([request])
      const several = Array.from({ length: batch }, () => request)
      const [member] = batch > 1 ? await this.finish(several) : [alone]
      if (n < warmUpRuns) continue
      times.picture.push(request.decodeMs)
      times.one.push(alone!.decodeMs + alone!.elapsedMs)
      times.each.push(member!.decodeMs + member!.shareMs)
    }
    this.tailMs.set(wound.id, median(times.one))
    if (wound.id === 'input') this.pictureMs = median(times.picture)
    if (median(times.one) >= batchGain * median(times.each)) this.batchWounds.add(wound.id)
  }

  /** As one from an agent: where the input crosses, a picture that has to be decoded first. */
  private async exampleRequest(wound: Wound): Promise<PreparedRequest> {
    if (wound.id === 'input') {
      const bytes = await blankImage(exampleWidth, exampleHeight)
      return this.prepare(wound.id, 'received', [{ name: 'input', shape: [], bytes }])
    }
    const values = wound.tensors.map((id) => exampleValue(this.model.graph.tensors[id]!))
    return { wound, input: { kind: 'values', tensors: wound.tensors, values }, decodeMs: 0 }
  }

  private findWound(woundId: string): Wound {
    let wound: Wound
    try {
      wound = findWound(this.model.graph, woundId)
    } catch (cause) {
      throw new RequestError('unknown-wound', (cause as Error).message)
    }
    if (wound.tensors.length > 0) return wound
    throw new RequestError('unknown-wound', `Cannot finish at ${woundId}: nothing is left to do`)
  }

  private checkShapes(wound: Wound, parts: readonly Part[]): void {
    const expected = wound.tensors.map((id) => [1, ...borderShape(this.model.graph.tensors[id]!)])
    const fits =
      parts.length === expected.length && parts.every((part, i) => part.shape.join() === expected[i]!.join())
    if (fits) return
    const text = (shapes: readonly (readonly number[])[]) =>
      shapes.map((shape) => `[${shape.join(',')}]`).join(' ')
    throw new RequestError(
      'bad-input',
      `Cannot finish at ${wound.id}: shapes must be ${text(expected)}, current value is ${text(parts.map((part) => part.shape))}`,
    )
  }
}

/** In which the model's outputs travel back: 3 decimal digits, half the bytes. */
export const resultCodec = 'float16'
