import type { Calibration } from '../src/codec/calibration-file.ts'
import { writeModelCard } from '../src/codec/model-card.ts'
import { modelCalibration } from '../src/codec/model-codecs.ts'
import { pictureCost } from '../src/codec/picture-cost.ts'
import type { EngineName, ExecutionProvider } from '../src/executor/engine.ts'
import { InferenceHost } from '../src/executor/inference-host.ts'
import type { RunReply } from '../src/executor/inference-protocol.ts'
import { randomInputs } from '../src/executor/random-inputs.ts'
import { type SegmentChain, segmentChain } from '../src/executor/segment-chain.ts'
import { type EngineState, startWithEngine } from '../src/executor/start-with-engine.ts'
import { machineName } from '../src/latency-model/measure-profile.ts'
import { loadLabels } from '../src/model-graph/load-model.ts'
import { pictureOf } from '../src/model-graph/manifest.ts'
import { type Model, manifestOf } from '../src/model-graph/model.ts'
import { loadChosenModel, type ModelChoice, randomWeights } from '../src/model-graph/model-choice.ts'
import { plannedWounds } from '../src/scheduler/candidate-wounds.ts'
import { localWound } from '../src/scheduler/plan-point.ts'
import type { Log } from '../src/telemetry/log.ts'
import type { WorkerConfig } from './config.ts'
import { encodeAnswer } from './encode-answer.ts'
import { type Finished, measurePicture, measureTail, resultCodec, type TailTimes } from './measure-tails.ts'
import {
  isPicture,
  largestRequest,
  type PreparedRequest,
  prepareRequest,
  type RequestContent,
  RequestedWounds,
} from './prepare-request.ts'
import type { Preparation } from './request-queue.ts'
import { startOnProvider } from './start-on-provider.ts'
import { TailCache } from './tail-cache.ts'

/** One model: its segments, and as many whole tails as fit. */
export class ServedModel {
  readonly choice: ModelChoice
  /** Of the candidate wounds, as measured at start. */
  readonly tails = new Map<string, TailTimes>()
  /** Milliseconds of decoding a camera's picture; 0 where the model takes none. */
  pictureMs = 0
  private readonly config: WorkerConfig
  private readonly log: Log
  /** Known once started. */
  engine!: EngineState
  private inference: InferenceHost | undefined
  private cache!: TailCache
  private model!: Model
  private wounds!: RequestedWounds
  private calibration: Calibration | undefined

  constructor(choice: ModelChoice, config: WorkerConfig, log: Log) {
    this.choice = choice
    this.config = config
    this.log = log
  }

  get hash(): string {
    return this.model.hash
  }

  get name(): string {
    return manifestOf(this.model)?.name ?? this.model.graph.name
  }

  /**
   * Loads what finishes from the wounds that an agent can choose, and measures it.
   * @param signal Gives up, between two parts.
   * @throws whatever keeps it from answering from its input; the signal's reason.
   */
  async start(signal?: AbortSignal): Promise<void> {
    const { config, log, choice } = this
    this.model = await loadChosenModel(choice)
    signal?.throwIfAborted()
    const { graph } = this.model
    this.wounds = new RequestedWounds(graph)
    this.calibration = await modelCalibration(choice.model, this.hash, log)
    const chain = segmentChain(graph, plannedWounds(graph, this.calibration))
    const { inference, engine } = await this.startEngine(chain, signal)
    this.inference = inference
    this.engine = engine
    this.cache = new TailCache({
      graph,
      chain,
      inference,
      tailBytes: config.limits.tailBytes,
      now: () => performance.now(),
      log,
    })
    await this.measure(chain, signal)
  }

  async stop(): Promise<void> {
    await this.inference?.stop()
  }

  /** The chain on an execution provider where one is set and can be used, else on an engine. */
  private async startEngine(
    chain: SegmentChain,
    signal: AbortSignal | undefined,
  ): Promise<{ inference: InferenceHost; engine: EngineState }> {
    const { config, log, choice } = this
    const { engine: configured, executionProviders, stateDirectory, threads } = config
    const { found, faults } = await startOnProvider(executionProviders, this.model, chain, (provider) =>
      // It computes elsewhere.
      this.thread(chain, signal, 'onnxruntime', threads === 'auto' ? 1 : threads, provider),
    )
    for (const fault of faults) log('warn', 'an execution provider cannot be used', { reason: fault })
    const reasons = (own?: string) => {
      const all = [...faults, ...(own === undefined ? [] : [own])]
      return all.length === 0 ? {} : { reason: all.join('; ') }
    }
    if (found !== undefined) {
      const { part, provider } = found
      const engine: EngineState = { configured, used: 'onnxruntime', provider, ...reasons() }
      return { inference: part.inference, engine }
    }
    const machine = machineName()
    const options = { ...choice, modelHash: this.hash, threads, machine, stateDirectory, log, signal }
    const { part, engine } = await startWithEngine(configured, options, (name, count) =>
      this.thread(chain, signal, name, count),
    )
    return { inference: part.inference, engine: { ...engine, ...reasons(engine.reason) } }
  }

  private thread(
    chain: SegmentChain,
    signal: AbortSignal | undefined,
    engine: EngineName,
    threads: number,
    provider?: ExecutionProvider,
  ) {
    const { choice, log } = this
    const { compiledCache } = this.config
    const setup = { ...choice, engine, threads, slowdown: 1 }
    // What is kept compiled is compiled for the CPU.
    const how = provider === undefined ? { compiledCache } : { provider }
    const inference = new InferenceHost(
      { ...setup, ...how },
      {
        onFault: (error) => log('error', 'the inference thread failed', { error }),
        onNote: (note) => note.kind === 'log' && log(note.level, note.message, note.fields),
      },
    )
    const start = async () => {
      await inference.start()
      for (const segment of chain.segments) {
        signal?.throwIfAborted()
        await inference.load(segment.key, segment)
      }
    }
    return { inference, start, stop: () => inference.stop() }
  }

  /** Its card. @throws {TypeError} for a model that does not say what goes in and comes out; that of its labels' file. */
  async card(): Promise<Uint8Array<ArrayBuffer>> {
    const { model, calibration, choice } = this
    const labels = await loadLabels(choice.model, model)
    return writeModelCard({ model, labels, calibration, hasRandomWeights: this.hasRandomWeights })
  }

  /** They are made up: its answers mean nothing. */
  get hasRandomWeights(): boolean {
    return this.choice.weights === randomWeights
  }

  /** Milliseconds of a request alone, of the input's with decoding a picture; 0 where it was not measured. */
  tailMs(wound: string): number {
    return (this.tails.get(wound)?.aloneMs ?? 0) + (wound === 'input' ? this.pictureMs : 0)
  }

  /** Expected milliseconds of a call of so many requests; where the wound was not measured, those of the input. */
  callMs(wound: string, requests: number): number {
    const { batch } = this.config.limits
    const times = this.tails.get(wound) ?? this.tails.get('input') ?? { aloneMs: 0 }
    const { aloneMs, togetherMs = aloneMs * batch } = times
    return requests === 1 ? aloneMs : aloneMs + ((togetherMs - aloneMs) * (requests - 1)) / (batch - 1)
  }

  freeAtMs(): number {
    return this.cache.compiledAtMs
  }

  /** Bytes that such a request can have at most. @throws {RequestError} for a wound the model has not. */
  largestRequest(content: Pick<RequestContent, 'wound' | 'codec'>): number {
    const wound = this.wounds.get(content.wound)
    return largestRequest(this.model, wound, content.codec, this.config.limits.inputBytes)
  }

  /** How many requests at a wound are best finished in one call at most. */
  batchLimit(wound: string): number {
    const { batch, batchGain } = this.config.limits
    const { aloneMs, togetherMs } = this.tails.get(wound) ?? { aloneMs: 0 }
    return togetherMs !== undefined && aloneMs * batch >= batchGain * togetherMs ? batch : 1
  }

  /** What preparing a request claims. */
  async preparation(content: RequestContent): Promise<Preparation> {
    return isPicture(content) ? pictureCost(content.parts[0]!) : 'none'
  }

  /** @throws {RequestError} for a wound the model has not, or parts that do not fit it. */
  async prepare(content: RequestContent): Promise<PreparedRequest> {
    const wound = this.wounds.get(content.wound)
    return prepareRequest(this.model, wound, content, this.config.limits.inputBytes)
  }

  /** Finishes requests of one wound in one call; results are in their order and equal to those of single calls. */
  async finish(requests: readonly PreparedRequest[], signal?: AbortSignal): Promise<Finished[]> {
    const { wound } = requests[0]!
    const members = requests.map(({ input }) => input)
    const condensed = requests.some(({ answer }) => answer !== undefined)
    const { outputs } = this.model.graph
    const segments = await this.cache.segmentsFor(wound)
    this.log('debug', 'serving', { wound: wound.id, requests: requests.length, segments })
    const reply = await this.inference!.run(
      {
        request: 'tail',
        segments,
        input: members.length === 1 ? members[0]! : { kind: 'batch', members },
        output: outputs,
        keep: false,
        ...(condensed
          ? { values: true }
          : { encode: { codec: resultCodec, wound: localWound }, values: false }),
      },
      signal === undefined ? {} : { signal },
    )
    const elapsedMs = callMs(reply)
    const ofMember = <T>(parts: readonly T[], i: number) =>
      parts.slice(i * outputs.length, (i + 1) * outputs.length)
    return requests.map(({ answer }, i) => ({
      ...(condensed
        ? encodeAnswer(answer, ofMember(reply.values, i), this.model.graph)
        : { codec: resultCodec, encoded: ofMember(reply.encoded, i) }),
      elapsedMs,
      shareMs: elapsedMs / requests.length,
    }))
  }

  /** To be called when no request waits: compiles a tail that was asked for and is not there, in the background. */
  prepareTail(): void {
    this.cache.warmWhenIdle()
  }

  /** The shallowest last, so that where not all tails fit it stays: every agent can send its input. */
  private async measure(chain: SegmentChain, signal: AbortSignal | undefined): Promise<void> {
    const manifest = manifestOf(this.model)
    const picture = manifest && pictureOf(manifest)
    if (picture !== undefined) this.pictureMs = await measurePicture(picture)
    for (let place = chain.segments.length - 1; place >= 0; place--) {
      signal?.throwIfAborted()
      const wound = chain.wounds[place]!
      // The segments serve a wound whose tail does not compile.
      await this.cache.warm(wound).catch((error: Error) => {
        this.log('warn', 'a tail was not compiled', { wound: wound.id, error })
      })
      try {
        const examples = await this.examples(chain, place)
        const times = await measureTail(examples, (requests) => this.finish(requests))
        this.tails.set(wound.id, times)
      } catch (error) {
        if (place === 0) throw error
        this.log('warn', 'a wound is left out, as it cannot be measured', { wound: wound.id, error })
      }
    }
  }

  /** Different requests at a wound, with what really crosses there: not every value can come out of a layer. */
  private async examples(chain: SegmentChain, place: number): Promise<PreparedRequest[]> {
    const wound = chain.wounds[place]!
    const { tensors } = wound
    const requests: PreparedRequest[] = []
    for (let seed = 1; seed <= this.config.limits.batch; seed++) {
      const reply = await this.inference!.run({
        request: 'example',
        segments: chain.segments.slice(0, place).map(({ key }) => key),
        input: { kind: 'values', tensors: this.model.graph.inputs, values: randomInputs(this.model, seed) },
        output: tensors,
        keep: false,
        values: true,
      })
      requests.push({ wound, input: { kind: 'values', tensors, values: reply.values }, decodeMs: 0 })
    }
    return requests
  }
}

/** Of the engine's whole call: what another request would have had to wait. */
function callMs({ decodeMs, segmentMs, encodeMs }: RunReply): number {
  return decodeMs + segmentMs.reduce((sum, ms) => sum + ms, 0) + encodeMs
}
