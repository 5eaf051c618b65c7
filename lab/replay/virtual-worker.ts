import { workerConfigSchema } from '../../backend/config.ts'
import { encodeAnswer } from '../../backend/encode-answer.ts'
import type { Finished } from '../../backend/measure-tails.ts'
import type { PreparedRequest } from '../../backend/prepare-request.ts'
import { queueLimits, type Server, Serving } from '../../backend/serving.ts'
import { after, type Clock } from '../../src/async/clock.ts'
import type { LayerGraph } from '../../src/model-graph/layer-graph.ts'
import type { TensorValue } from '../../src/tensor/tensor-value.ts'
import type { Announcement } from '../../src/transport/announcement.ts'
import { ChunkAssembler } from '../../src/transport/chunk-assembler.ts'
import { splitIntoChunks } from '../../src/transport/chunks.ts'
import { decodeFrame, encodeFrame } from '../../src/transport/frame.ts'
import type { Frame, RequestFrame } from '../../src/transport/frame-content.ts'
import type { IncomingMessage } from '../../src/transport/message.ts'
import { workerTopic } from '../../src/transport/topics.ts'
import type { VirtualBroker } from './virtual-broker.ts'

export interface WorkerSpec {
  readonly id: string
  /** As announced, alone and as profiled. */
  readonly tailMs: ReadonlyMap<string, number>
  readonly pictureMs: number
  /** Of features; nothing where absent. */
  readonly decodeMs?: (wound: string, codec: string) => number
  /** What others have it do first, as announced; nothing where absent. */
  readonly waitMs?: number
  /** How much longer it takes than it announced. */
  readonly factorAt: (nowMs: number) => number
  /** What it does with a request: serves it, says nothing, or is not there and has said so. */
  readonly stateAt: (nowMs: number) => 'serves' | 'silent' | 'gone'
}

export interface VirtualWorkerOptions {
  readonly spec: WorkerSpec
  readonly clock: Clock
  readonly broker: VirtualBroker
  readonly topicPrefix: string
  readonly modelHash: string
  readonly graph: LayerGraph
  readonly outputs: readonly TensorValue[]
}

/** As often as a real one where its load changes. */
const announceMs = 1000

/** A pool member on a network of its own with the broker: the real queue and serving before an engine that only waits. */
export class VirtualWorker {
  private readonly options: VirtualWorkerOptions
  private readonly serving: Serving
  private readonly assembler = new ChunkAssembler()
  /** How to take back requests that wait for what others have it do. */
  private readonly waiting = new Map<string, () => void>()

  constructor(options: VirtualWorkerOptions) {
    this.options = options
    const { clock, modelHash, spec } = options
    const { limits } = workerConfigSchema.parse({
      worker: spec.id,
      mqtt: { url: 'mqtt://127.0.0.1' },
      models: ['mobilenetv2'],
    })
    this.serving = new Serving({
      servers: [waitingServer(modelHash, options)],
      limits: queueLimits(limits),
      clock,
      log: () => undefined,
    })
  }

  start(): void {
    const { broker, topicPrefix, spec } = this.options
    broker.subscribe(workerTopic(spec.id, 'request', topicPrefix), (message) => this.onMessage(message))
    this.announceForEver()
  }

  private announceForEver(): void {
    const { clock, broker, spec, modelHash, topicPrefix } = this.options
    const state = spec.stateAt(clock.now())
    const announcement: Announcement = {
      models: [
        {
          name: 'replayed',
          hash: modelHash,
          wounds: [...spec.tailMs].map(([id, tailMs]) => ({ id, tailMs })),
          pictureMs: spec.pictureMs,
          queueMs: (spec.waitMs ?? 0) + this.serving.waitMs(modelHash),
        },
      ],
      leftOut: [],
      waitingBytes: this.serving.bytes,
    }
    const payload = Buffer.from(state === 'gone' ? '' : JSON.stringify(announcement))
    broker.publish({ topic: workerTopic(spec.id, 'state', topicPrefix), payload, qos: 1, retain: true })
    clock.schedule(announceMs, () => this.announceForEver())
  }

  private onMessage({ correlationData, responseTopic, payload }: IncomingMessage): void {
    const { clock, broker, spec } = this.options
    if (spec.stateAt(clock.now()) !== 'serves') return
    const key = Buffer.from(correlationData!).toString('hex')
    const bytes = this.assembler.accept(key, payload, clock.now(), responseTopic)
    if (bytes === undefined) return
    const frame = decodeFrame(bytes)
    if (frame.kind === 'cancel') {
      this.assembler.giveUp(frame.request, clock.now())
      this.waiting.get(frame.request)?.()
      this.serving.cancel(frame.request)
    }
    if (frame.kind !== 'request') return
    const { waitMs = 0 } = spec
    const reply = (answer: Frame) => {
      if (spec.stateAt(clock.now()) !== 'serves') return
      const told = answer.kind === 'result' ? { ...answer, queueMs: answer.queueMs + waitMs } : answer
      for (const chunk of splitIntoChunks(encodeFrame(told)))
        broker.publish({ topic: responseTopic!, payload: chunk, qos: 1, retain: false, correlationData })
    }
    const begin = () => {
      this.waiting.delete(key)
      void this.serving.accept({ key, sender: responseTopic!, frame, reply })
    }
    if (waitMs === 0) return begin()
    const takeBack = clock.schedule(waitMs, begin)
    this.waiting.set(key, () => {
      this.waiting.delete(key)
      takeBack()
    })
  }
}

function waitingServer(hash: string, { spec, clock, graph, outputs }: VirtualWorkerOptions): Server {
  const decodeMs = ({ wound, codec }: RequestFrame) =>
    codec === 'received' ? spec.pictureMs : (spec.decodeMs?.(wound, codec) ?? 0)
  const waited = async (ms: number, signal?: AbortSignal) => {
    const elapsedMs = ms * spec.factorAt(clock.now())
    await after(clock, elapsedMs, signal)
    signal?.throwIfAborted()
    return elapsedMs
  }
  const tailMs = (wound: string) => spec.tailMs.get(wound)! - (wound === 'input' ? spec.pictureMs : 0)
  return {
    hash,
    name: 'replayed',
    batchLimit: () => 1,
    callMs: (wound, requests) => requests * tailMs(wound),
    freeAtMs: () => 0,
    preparation: async (frame) => (decodeMs(frame) > 0 ? 'cheap' : 'none'),
    async prepare(frame): Promise<PreparedRequest> {
      const decodingMs = decodeMs(frame)
      const wound = { id: frame.wound, tensors: [], head: [] }
      return {
        wound,
        input: { kind: 'values', tensors: [], values: [] },
        decodeMs: decodingMs > 0 ? await waited(decodingMs) : 0,
        ...(frame.answer !== undefined && { answer: frame.answer }),
      }
    },
    async finish(requests, signal): Promise<Finished[]> {
      const { wound, answer } = requests[0]!
      const elapsedMs = await waited(tailMs(wound.id), signal)
      return [{ ...encodeAnswer(answer, outputs, graph), elapsedMs, shareMs: elapsedMs }]
    },
    prepareTail: () => undefined,
  }
}
