/**
 * What a plan really takes where everything to come is known: the link's trace, what the machines take, and the very
 * bytes of the frames. Nothing is believed here and nothing estimated.
 */
import { resultCodec } from '../../backend/measure-tails.ts'
import { featureCodec } from '../../src/codec/feature-codecs.ts'
import { borderShape, elementsOf } from '../../src/model-graph/layer-graph.ts'
import { inputWound, localWound, type PlanPoint } from '../../src/scheduler/plan-point.ts'
import type { PlanSetup } from '../../src/scheduler/planner.ts'
import { elementCount } from '../../src/tensor/element-count.ts'
import { splitIntoChunks } from '../../src/transport/chunks.ts'
import { encodeFrame } from '../../src/transport/frame.ts'
import { modelDigits, type Part } from '../../src/transport/frame-content.ts'
import { packetBytes } from '../../src/transport/message.ts'
import { deviceTopic, workerTopic } from '../../src/transport/topics.ts'
import { device, modelHash, topicPrefix } from './simulate.ts'
import { downOverheadBytes } from './virtual-session.ts'

/** What is waited for, counted from now. */
export interface Backlog {
  readonly edgeMs: number
  /** When the uplink and the downlink have nothing else to do. */
  readonly uplinkFreeMs: number
  readonly downlinkFreeMs: number
}

const noBacklog: Backlog = { edgeMs: 0, uplinkFreeMs: 0, downlinkFreeMs: 0 }

/** When a message that begins to cross then is there. */
export type Crossing = (bytes: number, beginMs: number) => number

export interface HindsightOptions {
  readonly setup: PlanSetup
  readonly uplink: Crossing
  readonly downlink: Crossing
  readonly workerId: string
  /** What others have the worker do first. */
  readonly workerWaitMs: number
}

export class Hindsight {
  private readonly options: HindsightOptions
  private readonly wireBytes = new Map<string, number>()
  private readonly resultBytes: number

  constructor(options: HindsightOptions) {
    this.options = options
    const codec = featureCodec(resultCodec)
    const { graph } = options.setup
    const parts = graph.outputs.map((id): Part => {
      const shape = [1, ...borderShape(graph.tensors[id]!)]
      return {
        shape,
        bytes: codec.encode({ shape, data: new Float32Array(elementCount(shape)) }),
      }
    })
    const times = { queueMs: 0, decodeMs: 0, elapsedMs: 0, shareMs: 0 }
    const frame = encodeFrame({
      kind: 'result',
      codec: resultCodec,
      isDamaged: false,
      ...times,
      parts,
    })
    this.resultBytes = splitIntoChunks(frame).reduce((sum, { length }) => sum + length + downOverheadBytes, 0)
  }

  /** Milliseconds until the answer is there, for a request that comes at `nowMs`; infinite where it never is. */
  takesMs(point: PlanPoint, nowMs: number, payloadBytes: number, backlog: Backlog = noBacklog): number {
    const { uplink, downlink, workerWaitMs } = this.options
    const { wound, codec, inputMs, headMs, encodeMs, sendMs } = point
    const isInput = wound === inputWound
    const readyMs = Math.max(backlog.edgeMs, inputMs)
    if (wound === localWound) return readyMs + headMs
    const edgeMs = isInput ? sendMs : readyMs + headMs + encodeMs
    const beginMs = Math.max(nowMs + edgeMs, backlog.uplinkFreeMs)
    const arrivedMs = uplink(this.wireBytesOf(wound, codec, payloadBytes), beginMs)
    if (arrivedMs === Infinity) return Infinity
    const doneMs = arrivedMs + workerWaitMs + point.backendDecodeMs + point.backendTailMs
    return downlink(this.resultBytes, Math.max(doneMs, backlog.downlinkFreeMs)) - nowMs
  }

  /** Payload of a plan's parts. */
  payloadBytes({ wound, codec }: Pick<PlanPoint, 'wound' | 'codec'>, inputBytes: number): number {
    const { graph, profile } = this.options.setup
    if (wound === inputWound)
      return codec === 'received'
        ? inputBytes
        : graph.inputs.reduce((sum, id) => sum + elementsOf(graph.tensors[id]!), 0)
    return profile.codecs.find((entry) => entry.wound === wound && entry.codec === codec)?.bytes ?? 0
  }

  /** As MQTT packets. */
  private wireBytesOf(wound: string, codec: string, payloadBytes: number): number {
    const key = `${wound} ${codec} ${payloadBytes}`
    let bytes = this.wireBytes.get(key)
    if (bytes === undefined) {
      const parts = [new Uint8Array(payloadBytes)]
      const model = modelHash.slice(0, modelDigits)
      const frame = encodeFrame({ kind: 'request', model, wound, codec, timeLeftMs: 1000, parts })
      const topic = workerTopic(this.options.workerId, 'request', topicPrefix)
      const responseTopic = deviceTopic(device, 'reply', topicPrefix)
      const message = {
        topic,
        responseTopic,
        qos: 1,
        retain: false,
        correlationData: new Uint8Array(16),
      } as const
      bytes = splitIntoChunks(frame).reduce(
        (sum, payload) => sum + packetBytes({ ...message, payload, expirySeconds: 1 }),
        0,
      )
      this.wireBytes.set(key, bytes)
    }
    return bytes
  }
}
