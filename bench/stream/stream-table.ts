import type { ArrivalKind } from '../../lab/replay/arrivals.ts'
import { arrivalTimes } from '../../lab/replay/arrivals.ts'
import { knownLink } from '../../lab/replay/believed-link.ts'
import { seededRandom } from '../../lab/replay/random.ts'
import { simulateStream } from '../../lab/replay/simulate-stream.ts'
import { mixPolicy } from '../../lab/replay/stream-policies.ts'
import { localMs, mixOf, type StreamWorld } from '../../lab/replay/stream-world.ts'
import { fluidBound } from '../../src/scheduler/mix/program.ts'

export interface StreamRow {
  readonly model: string
  readonly uplinkMbps: number
  readonly arrivals: ArrivalKind
  readonly offeredPerS: number
  readonly boundPerS: number
  readonly answeredPerS: number
  readonly shed: number
  readonly p50Ms: number
  readonly p95Ms: number
  readonly localMs: number
  /** The most that one plan alone could answer of what is offered. */
  readonly bestSinglePerS: number
  /** How often each plan was taken. */
  readonly plans: Readonly<Record<string, number>>
}

const stream = 'camera'

/** One stream over a constant link in virtual time. */
export function streamRow(
  model: string,
  world: StreamWorld & { readonly uplink: number },
  arrivals: ArrivalKind,
  load: number,
  seconds: number,
): StreamRow {
  const { plans, resources } = mixOf(world, { bps: world.uplink, relativeDeviation: 0 })
  const boundPerS = fluidBound(plans, resources)
  const times = arrivalTimes(arrivals, load * boundPerS, 1000 * seconds, seededRandom(7))
  const inputs = simulateStream({
    world,
    link: knownLink(world.uplink),
    arrivals: new Map([[stream, times]]),
    policy: mixPolicy([{ name: stream, priority: 1, weight: 1, keep: 'newest' }]),
    seed: 3,
  })
  const answered = inputs.filter(({ doneMs }) => doneMs < Infinity)
  const latencies = answered.map(({ arrivedMs, doneMs }) => doneMs - arrivedMs).toSorted((a, b) => a - b)
  const counts: Record<string, number> = {}
  for (const { plan } of answered) if (plan !== undefined) counts[plan] = (counts[plan] ?? 0) + 1
  const offeredPerS = inputs.length / seconds
  return {
    model,
    uplinkMbps: world.uplink / 1e6,
    arrivals,
    offeredPerS,
    boundPerS,
    answeredPerS: answered.length / seconds,
    shed: inputs.length - answered.length,
    p50Ms: latencies[Math.floor(0.5 * latencies.length)] ?? 0,
    p95Ms: latencies[Math.floor(0.95 * latencies.length)] ?? 0,
    localMs: localMs(world),
    bestSinglePerS: Math.min(offeredPerS, Math.max(...plans.map((plan) => fluidBound([plan], resources)))),
    plans: counts,
  }
}
