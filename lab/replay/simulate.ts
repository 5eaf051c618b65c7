import { Mind } from '../../agent/mind.ts'
import type { RequestTrace } from '../../agent/request-answerer.ts'
import type { Decide } from '../../agent/stream-program.ts'
import { after, type Clock } from '../../src/async/clock.ts'
import { mostUplinkBps } from '../../src/bandwidth-probe/link-belief.ts'
import { rawInput } from '../../src/codec/image-codecs.ts'
import { precisions } from '../../src/executor/engine.ts'
import { InferenceHost } from '../../src/executor/inference-host.ts'
import type { ModelInput } from '../../src/executor/inference-protocol.ts'
import { keyIn } from '../../src/executor/segment-chain.ts'
import { segmentsMs } from '../../src/latency-model/profile.ts'
import { borderShape, elementsOf } from '../../src/model-graph/layer-graph.ts'
import type { StreamSettings } from '../../src/scheduler/mix/mix.ts'
import type { PlanSetup } from '../../src/scheduler/planner.ts'
import { elementCount } from '../../src/tensor/element-count.ts'
import { deviceTopic } from '../../src/transport/topics.ts'
import { VirtualBroker } from './virtual-broker.ts'
import { VirtualClock } from './virtual-clock.ts'
import { openVirtualThread } from './virtual-engine.ts'
import { type LinkPhase, VirtualLink } from './virtual-link.ts'
import { VirtualSession } from './virtual-session.ts'
import { VirtualWorker, type WorkerSpec } from './virtual-worker.ts'

/** A request to come. */
export interface Arrival {
  readonly atMs: number
  /** Of its message. */
  readonly bytes: number
  /** `default` where it is absent. */
  readonly stream?: string
}

export interface World {
  /** What the agent knows of the model, itself and what it may do. */
  readonly setup: PlanSetup
  readonly uplink: readonly LinkPhase[]
  readonly downlink: readonly LinkPhase[]
  /** How much longer than profiled the edge takes. */
  readonly edgeFactorAt: (nowMs: number) => number
  /** Making the model's input of a message. */
  readonly inputMs: number
  readonly workers: readonly WorkerSpec[]
  /** One that keeps all its inputs where absent. */
  readonly streams?: readonly StreamSettings[]
  /** Ascending. */
  readonly arrivals: readonly Arrival[]
  readonly timeLimitMs: number
  /** What decides instead of the agent's mix, given what is really there. */
  readonly decide?: ((real: RealWorld) => Decide) | undefined
  /** Told what the edge's engine was busy for, and what was handed to the uplink. */
  readonly onEdgeBusy?: (ms: number) => void
  readonly onSent?: (bytes: number) => void
  readonly onEnd?: (request: SimulatedRequest) => void
}

/** What no agent sees. */
export interface RealWorld {
  readonly clock: Clock
  readonly uplink: VirtualLink
  readonly downlink: VirtualLink
}

export interface SimulatedRequest {
  readonly arrival: Arrival
  readonly trace: RequestTrace
  /** Undefined while it is not answered. */
  readonly outcome:
    | { readonly kind: 'answered'; readonly finishedAt: 'edge' | 'worker' }
    | { readonly kind: 'failed'; readonly error: Error }
    | undefined
  /** How often it was answered. */
  readonly outcomes: number
  readonly endMs: number
}

export const modelHash = '0'.repeat(32)
export const topicPrefix = 'surgeon'
export const device = 'simulated'
const probe = { staleMs: 1000, bytes: 2048 }
/** Before the first request, for the first announcements and probes. */
export const settleMs = 3000

/**
 * An agent and its workers in virtual time: the daemon's own mind, run queue, surgery, exchange, outbox and frames, the
 * worker's own queue and serving, with a link, engines and arrivals that are given.
 * @returns every request, in the order of arrival; times are counted from the first that could come.
 */
export async function simulate(world: World): Promise<SimulatedRequest[]> {
  const { setup } = world
  const clock = new VirtualClock()
  const worldMs = () => clock.now() - settleMs
  const outputs = setup.graph.outputs.map((id) => {
    const shape = [1, ...borderShape(setup.graph.tensors[id]!)]
    return { shape, data: new Float32Array(elementCount(shape)) }
  })
  const pixelBytes = setup.graph.inputs.reduce((sum, id) => sum + elementsOf(setup.graph.tensors[id]!), 0)
  const broker = new VirtualBroker()
  for (const spec of world.workers) {
    const shifted: WorkerSpec = {
      ...spec,
      factorAt: (nowMs) => spec.factorAt(nowMs - settleMs),
      stateAt: (nowMs) => spec.stateAt(nowMs - settleMs),
    }
    new VirtualWorker({
      spec: shifted,
      clock,
      broker,
      topicPrefix,
      modelHash,
      graph: setup.graph,
      outputs,
    }).start()
  }
  let mind: Mind | undefined
  const uplink = new VirtualLink(clock, settled(world.uplink))
  const downlink = new VirtualLink(clock, settled(world.downlink))
  const session = new VirtualSession({
    clock,
    uplink,
    downlink,
    broker,
    onSent: world.onSent,
    uplinkBps: () => mostUplinkBps(mind?.link),
  })
  const { profile, chain } = setup
  const codecOf = (wound: string, codec: string) =>
    profile.codecs.find((entry) => entry.wound === wound && entry.codec === codec)
  const profiledMs = new Map(
    chain.segments.flatMap((segment, i) =>
      precisions.map((precision) => [keyIn(precision, segment), segmentsMs(profile, i, i + 1, precision)]),
    ),
  )
  const inference = new InferenceHost(
    { model: 'replayed', engine: 'onnxruntime', threads: 1, slowdown: 1 },
    {
      now: clock.now,
      open: openVirtualThread({
        clock,
        outputs,
        segmentMs: (key) => profiledMs.get(key)! * world.edgeFactorAt(worldMs()),
        encodeMs: (wound, codec) => (codecOf(wound, codec)?.encodeMs ?? 0) * world.edgeFactorAt(worldMs()),
        encodedBytes: (wound, codec) => codecOf(wound, codec)?.bytes ?? 0,
        onBusy: world.onEdgeBusy,
      }),
    },
  )
  await inference.start()
  mind = new Mind({
    clock,
    session,
    topicPrefix,
    device,
    probeTopic: deviceTopic(device, 'probe', topicPrefix),
    probe,
    models: [{ modelHash, inference, outputShapes: outputs.map(({ shape }) => shape), setup }],
    streams: world.streams ?? [
      { name: 'default', priority: 0, weight: 1, keep: 'all', deadlineMs: world.timeLimitMs },
    ],
    decide: world.decide?.({ clock, uplink, downlink }),
    log: () => undefined,
  })
  await mind.start()
  const { answerer, edge } = mind.of(modelHash)
  const over = new AbortController()
  const requests = world.arrivals.map(
    (arrival): Writable<SimulatedRequest> => ({
      arrival,
      trace: { measured: { totalMs: 0, sentBytes: 0 } },
      outcome: undefined,
      outcomes: 0,
      endMs: Number.NaN,
    }),
  )
  for (const request of requests) {
    const { atMs, bytes, stream = 'default' } = request.arrival
    clock.schedule(settleMs + atMs, () => {
      const read = () => {
        const decode = async (): Promise<ModelInput> => {
          await after(clock, world.inputMs)
          edge.decoded(bytes, world.inputMs)
          return { kind: 'values', values: [{ shape: [1, 1], data: new Float32Array(1) }] }
        }
        let decoding: Promise<ModelInput> | undefined
        const decoded = () => (decoding ??= decode())
        const encoded = async (codec: string) => {
          if (codec === rawInput) await decoded()
          return [new Uint8Array(codec === rawInput ? pixelBytes : bytes)]
        }
        return { checked: Promise.resolve(), decoded, encoded }
      }
      const end = (outcome: SimulatedRequest['outcome']) => {
        request.outcome = outcome
        request.outcomes++
        request.endMs = worldMs()
        world.onEnd?.(request)
      }
      answerer
        .answer({ stream, bytes, timeLeftMs: world.timeLimitMs, read }, request.trace, over.signal)
        .then(
          ({ finishedAt }) => end({ kind: 'answered', finishedAt }),
          (error: Error) => end({ kind: 'failed', error }),
        )
    })
  }
  const lastMs = world.arrivals.at(-1)?.atMs ?? 0
  await clock.runUntil(settleMs + lastMs + world.timeLimitMs + 1)
  mind.stop()
  await inference.stop()
  return requests
}

/** A link's phases on the simulator's clock. */
export function settled(phases: readonly LinkPhase[]): LinkPhase[] {
  return phases.map((phase, i) => ({ ...phase, fromMs: i === 0 ? 0 : phase.fromMs + settleMs }))
}

type Writable<T> = { -readonly [Key in keyof T]: T[Key] }
