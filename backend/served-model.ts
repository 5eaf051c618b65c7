import { median } from 'simple-statistics'
import type { EncodedTensor } from '../src/codec/encoded-tensor.ts'
import { decodeImage } from '../src/codec/image-input.ts'
import type { TensorValue } from '../src/executor/engine.ts'
import type { RunReply } from '../src/executor/inference-protocol.ts'
import { InferenceWorker } from '../src/executor/inference-worker.ts'
import { resolveEngine } from '../src/executor/resolve-engine.ts'
import { machineName } from '../src/latency-model/measure-profile.ts'
import { cut } from '../src/model-graph/cut.ts'
import { findWound } from '../src/model-graph/find-wound.ts'
import { borderShape } from '../src/model-graph/layer-graph.ts'
import { loadModel } from '../src/model-graph/load-model.ts'
import type { Model } from '../src/model-graph/model.ts'
import { singleWounds } from '../src/model-graph/single-wounds.ts'
import type { Wound } from '../src/model-graph/wound.ts'
import { candidateWounds } from '../src/scheduler/candidate-wounds.ts'
import type { Log } from '../src/telemetry/log.ts'
import type { Part } from '../src/transport/frame.ts'
import type { WorkerConfig } from './config.ts'

/** Tails loaded besides the candidates, for agents that are told to cut elsewhere. */
const extraTails = 4
const warmUpRuns = 2
const measuredRuns = 5

/** A request that cannot be served; `code` is what the failure frame says. */
export class RequestError extends Error {
  override readonly name = 'RequestError'
  readonly code: 'unknown-wound' | 'bad-input'
  constructor(code: RequestError['code'], message: string) {
    super(message)
    this.code = code
  }
}

/** One model with the tails of its wounds, each loaded whole. */
export class ServedModel {
  readonly source: string
  /** Milliseconds of decoding and tail per candidate wound, as measured at start. */
  readonly tailMs = new Map<string, number>()
  private readonly config: WorkerConfig
  private readonly log: Log
  private inference!: InferenceWorker
  /** Wounds whose tail is loaded beyond the candidates, least recently used first. */
  private readonly extras = new Set<string>()
  private model!: Model

  constructor(source: string, config: WorkerConfig, log: Log) {
    this.source = source
    this.config = config
    this.log = log
  }

  get hash(): string {
    return this.model.hash
  }

  get name(): string {
    return this.model.manifest.name
  }

  /** Loads the tails of the wounds that an agent can choose, and measures them. */
  async start(): Promise<void> {
    this.model = await loadModel(this.source)
    const { threads, stateDirectory } = this.config
    const engine = await resolveEngine(this.config.engine, {
      model: this.source,
      modelHash: this.hash,
      threads,
      machine: machineName(),
      stateDirectory,
      log: this.log,
    })
    this.inference = new InferenceWorker({ model: this.source, engine, threads, slowdown: 1 })
    await this.inference.start()
    const { graph } = this.model
    for (const wound of candidateWounds(graph, singleWounds(graph)).slice(0, -1)) {
      await this.inference.load(wound.id, cut(graph, wound).tail)
      const parts = wound.tensors.map((id) => this.exampleTensor(id))
      const times: number[] = []
      for (let n = 0; n < warmUpRuns + measuredRuns; n++) {
        const reply = await this.runTail(wound, { values: parts })
        if (n >= warmUpRuns) times.push(reply.segmentMs[0]!)
      }
      this.tailMs.set(wound.id, median(times))
    }
  }

  async stop(): Promise<void> {
    await this.inference.stop()
  }

  /**
   * Finishes a request from what crossed at its wound.
   * @throws {RequestError} for a wound the model has not, or parts that do not fit it.
   */
  async finish(
    woundId: string,
    codec: string,
    parts: readonly Part[],
    signal: AbortSignal,
  ): Promise<RunReply & { decodeMs: number }> {
    const wound = await this.loadedWound(woundId)
    if (isImageCodec(codec)) {
      const beginMs = performance.now()
      const { maxBytes, image } = { maxBytes: this.config.limits.inputBytes, image: parts[0] }
      if (wound.id !== 'input' || parts.length !== 1 || image === undefined) {
        throw new RequestError('bad-input', `Cannot decode ${codec}: it must be one image at the wound input`)
      }
      const value = await decodeImage(image.bytes, this.model.manifest.input, { maxBytes })
      const decodeMs = performance.now() - beginMs
      return { ...(await this.runTail(wound, { values: [value] }, signal)), decodeMs }
    }
    return this.runTail(
      wound,
      { encoded: parts.map((part) => this.encodedTensor(part)), codec, parts },
      signal,
    )
  }

  private encodedTensor({ shape, bytes }: Part): EncodedTensor {
    // A copy of its own: the frame's memory is shared by all its parts and cannot be handed to the thread.
    return { shape, bytes: new Uint8Array(bytes) }
  }

  private async loadedWound(woundId: string): Promise<Wound> {
    const { graph } = this.model
    let wound: Wound
    try {
      wound = findWound(graph, woundId)
    } catch (cause) {
      throw new RequestError('unknown-wound', (cause as Error).message)
    }
    if (wound.tensors.length === 0)
      throw new RequestError('unknown-wound', `Cannot finish at ${woundId}: nothing is left to do`)
    if (this.tailMs.has(wound.id)) return wound
    if (!this.extras.delete(wound.id)) await this.inference.load(wound.id, cut(graph, wound).tail)
    this.extras.add(wound.id)
    if (this.extras.size > extraTails) {
      const oldest = this.extras.values().next().value!
      this.extras.delete(oldest)
      await this.inference.unload(oldest)
    }
    return wound
  }

  private runTail(
    wound: Wound,
    input:
      | { values: readonly TensorValue[] }
      | { encoded: readonly EncodedTensor[]; codec: string; parts: readonly Part[] },
    signal?: AbortSignal,
  ): Promise<RunReply> {
    const { graph } = this.model
    if ('parts' in input) this.checkShapes(wound, input.parts)
    return this.inference.run(
      {
        request: 'tail',
        segments: [wound.id],
        input:
          'values' in input
            ? { kind: 'values', tensors: wound.tensors, values: input.values }
            : { kind: 'encoded', codec: input.codec, tensors: wound.tensors, encoded: input.encoded },
        output: graph.outputs,
        keep: false,
        encode: resultCodec,
        values: false,
      },
      signal === undefined ? {} : { signal },
    )
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

  private exampleTensor(id: number): TensorValue {
    const shape = [1, ...borderShape(this.model.graph.tensors[id]!)]
    const data = new Float32Array(shape.reduce((product, axis) => product * axis, 1))
    for (let i = 0; i < data.length; i++) data[i] = Math.sin(i / 97)
    return { shape, data }
  }
}

/** In which the model's outputs travel back: 3 decimal digits, half the bytes. */
export const resultCodec = 'float16'

function isImageCodec(codec: string): boolean {
  return codec === 'received' || codec.startsWith('jpeg:') || codec.startsWith('webp:')
}
