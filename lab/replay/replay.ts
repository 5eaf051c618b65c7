/** What each policy makes of the same requests over the same link, and how far that is from what hindsight could do. */

import { WorkerBelief } from '../../src/latency-model/worker-belief.ts'
import type { Beliefs } from '../../src/scheduler/beliefs.ts'
import type { StreamSettings } from '../../src/scheduler/mix/mix.ts'
import { fluidBound } from '../../src/scheduler/mix/program.ts'
import { type FrameOptions, frameOptions } from '../../src/scheduler/plan-frame.ts'
import type { PlanPoint } from '../../src/scheduler/plan-point.ts'
import { offersOf } from '../../src/scheduler/planner.ts'
import { type CapacityCurve, capacityCurve } from '../link-capacity.ts'
import { Hindsight } from './hindsight.ts'
import type { LinkTrace } from './link-trace.ts'
import type { MachinePair } from './machine-pair.ts'
import { behindDoor, type Policy } from './policies/policy.ts'
import { type Arrival, type SimulatedRequest, settled, settleMs, simulate, type World } from './simulate.ts'
import { VirtualClock } from './virtual-clock.ts'
import { type LinkPhase, VirtualLink } from './virtual-link.ts'
import type { WorkerSpec } from './virtual-worker.ts'

export interface ReplaySetting {
  readonly pair: MachinePair
  readonly uplink: LinkTrace
  readonly downlink: LinkTrace
  readonly roundTripMs: number
  /** Making the model's input of a message on the edge, and decoding a picture on a worker. */
  readonly inputMs: number
  readonly pictureMs: number
  readonly workers: number
  /** What others have the workers do first. */
  readonly workerWaitMs: number
  readonly arrivals: readonly Arrival[]
  readonly keep: StreamSettings['keep']
  /** Later answers are counted as missed; the agent is told. */
  readonly deadlineMs?: number | undefined
  /** After which nobody waits any longer. */
  readonly timeLimitMs: number
}

/** One policy's requests. */
export interface PolicyRun {
  readonly policy: Policy
  readonly requests: readonly SimulatedRequest[]
  readonly edgeBusyMs: number
  /** All that was handed to the uplink, probes included. */
  readonly sentBytes: number
}

const workerId = (i: number) => `worker-${i + 1}`

/** Everything that is known of a setting before anything is played. */
export class Replay {
  readonly setting: ReplaySetting
  /** Every plan that could be the best of anything. */
  readonly points: readonly PlanPoint[]
  readonly hindsight: Hindsight
  private readonly curve: CapacityCurve
  private readonly phases: { readonly up: LinkPhase[]; readonly down: LinkPhase[] }

  constructor(setting: ReplaySetting) {
    this.setting = setting
    const { pair, uplink, downlink, roundTripMs, workerWaitMs } = setting
    this.curve = capacityCurve(uplink.capacity)
    const phase = (capacity: LinkTrace['capacity']) => [
      { fromMs: 0, capacity, oneWayDelayMs: roundTripMs / 2 },
    ]
    this.phases = { up: phase(uplink.capacity), down: phase(downlink.capacity) }
    const clock = new VirtualClock()
    const [up, down] = [this.phases.up, this.phases.down].map((each) => new VirtualLink(clock, settled(each)))
    this.hindsight = new Hindsight({
      setup: pair.setup,
      uplink: (bytes, beginMs) => up!.aloneMs(bytes, beginMs),
      downlink: (bytes, beginMs) => down!.aloneMs(bytes, beginMs),
      workerId: workerId(0),
      workerWaitMs,
    })
    const { offers, local } = offersOf(pair.setup, this.beliefs(1e6), setting.arrivals[0]?.bytes ?? 1)
    this.points = offers[0]?.points ?? [local]
  }

  async play(policy: Policy): Promise<PolicyRun> {
    const { pair, arrivals, inputMs, keep, deadlineMs, timeLimitMs } = this.setting
    let edgeBusyMs = 0
    let sentBytes = 0
    const stream: StreamSettings = { name: 'default', priority: 0, weight: 1, keep, deadlineMs }
    const { decide, ended } = policy
    const world: World = {
      setup: { ...pair.setup, ...policy.setup },
      uplink: this.phases.up,
      downlink: this.phases.down,
      edgeFactorAt: () => 1,
      inputMs,
      workers: this.workerSpecs(),
      streams: [stream],
      arrivals,
      timeLimitMs,
      decide: decide && ((real) => behindDoor(stream, decide(real))),
      onEdgeBusy: (ms) => (edgeBusyMs += ms),
      onSent: (bytes) => (sentBytes += bytes),
      ...(ended && { onEnd: ended }),
    }
    const requests = await simulate(world)
    return { policy, requests, edgeBusyMs, sentBytes }
  }

  /** By request: the least that any plan would have taken for it, alone and with everything known. */
  leastMs(): number[] {
    return this.setting.arrivals.map((arrival) =>
      Math.min(...this.points.map((point) => this.takesMs(point, arrival))),
    )
  }

  takesMs(point: PlanPoint, { atMs, bytes }: Arrival): number {
    return this.hindsight.takesMs(point, settleMs + atMs, this.hindsight.payloadBytes(point, bytes))
  }

  /** What each window of the trace could have answered, a second: exact upper limits of any mix. */
  windowBounds(windowMs: number, untilMs: number): { fromMs: number; boundPerS: number }[] {
    const bounds: { fromMs: number; boundPerS: number }[] = []
    for (let fromMs = 0; fromMs < untilMs; fromMs += windowMs) {
      const { plans, resources } = this.options(this.meanBps(fromMs, Math.min(untilMs, fromMs + windowMs)))
      bounds.push({ fromMs, boundPerS: fluidBound(plans, resources) })
    }
    return bounds
  }

  /** What the uplink can carry between two moments; at least one bit a second. */
  meanBps(fromMs: number, toMs: number): number {
    const bytes = this.curve.bytesBy(settleMs + toMs) - this.curve.bytesBy(settleMs + fromMs)
    return Math.max(1, (8000 * bytes) / Math.max(1, toMs - fromMs))
  }

  /** What an input may be answered by over a link that is known. */
  options(bps: number): FrameOptions {
    return frameOptions(this.setting.pair.setup, this.beliefs(bps), this.setting.arrivals[0]?.bytes ?? 1)
  }

  private beliefs(uplinkBps: number): Beliefs {
    const { roundTripMs, inputMs } = this.setting
    return {
      nowMs: 0,
      link: {
        kind: 'up',
        uplinkBps,
        downlinkBps: uplinkBps,
        roundTripMs,
        backlogBytes: 0,
        relativeDeviation: 0,
      },
      edge: { factor: 1, waitMs: 0, inputMs, inputs: new Map() },
      workers: this.workerSpecs().map(({ id, tailMs, pictureMs, waitMs = 0 }) =>
        new WorkerBelief(id, { tailMs, pictureMs, queueMs: waitMs }).snapshot(0),
      ),
      promisedBytes: 0,
    }
  }

  private workerSpecs(): WorkerSpec[] {
    const { pair, pictureMs, workers, workerWaitMs } = this.setting
    const { codecs } = pair.setup
    const tailMs = new Map(pair.tailMs)
    tailMs.set('input', tailMs.get('input')! + pictureMs)
    return Array.from({ length: workers }, (_, i) => ({
      id: workerId(i),
      tailMs,
      pictureMs,
      decodeMs: (wound, codec) => codecs.get(wound)?.find((option) => option.codec === codec)?.decodeMs ?? 0,
      waitMs: workerWaitMs,
      factorAt: () => 1,
      stateAt: () => 'serves',
    }))
  }
}
