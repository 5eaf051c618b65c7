/**
 * A stream of inputs on an edge, a link and a pool of workers in virtual time: the policy sees what an agent would see
 * and says by which plan each input is answered. Services and sizes vary by 10 %; everything is served in order. Nothing
 * is cancelled and nothing finished locally in parallel: what is simulated is who gets which plan. O(inputs x log).
 */
import type { MixSnapshot } from '../../src/scheduler/mix/mix.ts'
import type { MixPlan } from '../../src/scheduler/mix/resource.ts'
import type { BelievedLink } from './believed-link.ts'
import { EventQueue } from './event-queue.ts'
import { seededRandom } from './random.ts'
import { SerialLink, Servers } from './stations.ts'
import { localMs, mixOf, type StreamWorld, type WorldPlan } from './stream-world.ts'

export interface StreamPolicy {
  /** The plan for an input of `stream` that arrives now; undefined sheds it. */
  decide(stream: string, nowMs: number, snapshot: MixSnapshot): MixPlan | undefined
}

export interface SimulatedInput {
  readonly stream: string
  readonly arrivedMs: number
  /** Undefined where it was shed. */
  plan: string | undefined
  /** Infinity where it never was answered. */
  doneMs: number
}

export interface Simulation {
  readonly world: StreamWorld
  readonly link: BelievedLink
  /** When the inputs of each stream arrive. */
  readonly arrivals: ReadonlyMap<string, readonly number[]>
  readonly policy: StreamPolicy
  readonly seed: number
}

type Event =
  | { readonly kind: 'arrives'; readonly input: SimulatedInput }
  | { readonly kind: 'head done' | 'at worker'; readonly input: SimulatedInput; readonly plan: WorldPlan }
  | { readonly kind: 'acknowledged'; readonly id: number }

const variation = 0.1

export function simulateStream({ world, link, arrivals, policy, seed }: Simulation): SimulatedInput[] {
  const random = seededRandom(seed)
  const varied = (value: number) => value * (1 + variation * (2 * random() - 1))
  const engine = new Servers(1)
  const workers = new Servers(world.workers)
  const uplink = new SerialLink(world.uplink)
  const oneWayMs = world.roundTripMs / 2
  const plans = new Map(world.plans.map((plan) => [plan.name, plan]))
  const inputs = [...arrivals].flatMap(([stream, times]) =>
    times.map((arrivedMs): SimulatedInput => ({ stream, arrivedMs, plan: undefined, doneMs: Infinity })),
  )
  const events = new EventQueue<Event>()
  for (const input of inputs) events.push(input.arrivedMs, { kind: 'arrives', input })
  let messages = 0
  /** Of inputs whose head is not done. */
  let promisedBytes = 0
  const send = (bytes: number, nowMs: number): number => {
    const id = messages++
    link.sent(id, bytes, nowMs)
    const leftMs = uplink.send(nowMs, bytes)
    if (leftMs < Infinity) events.push(leftMs + world.roundTripMs, { kind: 'acknowledged', id })
    return leftMs + oneWayMs
  }
  const snapshot = (nowMs: number): MixSnapshot => {
    const belief = link.belief(nowMs)
    const mix = mixOf(world, belief)
    return {
      resources: mix.resources,
      backlogMs: [
        engine.backlogMs(nowMs),
        (8000 * uplink.queuedBytes(nowMs)) / belief.bps,
        workers.backlogMs(nowMs),
      ],
      promisedMs: [0, (8000 * promisedBytes) / belief.bps, 0],
      plans: new Map([...arrivals.keys()].map((stream) => [stream, mix.plans])),
      localMs: localMs(world),
    }
  }
  for (let next = events.pop(); next !== undefined; next = events.pop()) {
    const { atMs, event } = next
    switch (event.kind) {
      case 'arrives': {
        const { input } = event
        const probeBytes = link.probeBytes(atMs)
        if (probeBytes > 0) send(probeBytes, atMs)
        const plan = plans.get(policy.decide(input.stream, atMs, snapshot(atMs))?.name ?? '')
        if (plan === undefined) break
        input.plan = plan.name
        const headDoneMs = plan.edgeMs > 0 ? engine.serve(atMs, varied(plan.edgeMs)) : atMs
        if (plan.bytes === 0) input.doneMs = headDoneMs
        else {
          promisedBytes += plan.bytes
          events.push(headDoneMs, { kind: 'head done', input, plan })
        }
        break
      }
      case 'head done': {
        promisedBytes -= event.plan.bytes
        const arrivesMs = send(varied(event.plan.bytes), atMs)
        if (arrivesMs < Infinity) events.push(arrivesMs, { ...event, kind: 'at worker' })
        break
      }
      case 'at worker':
        event.input.doneMs = workers.serve(atMs, varied(event.plan.backendMs)) + oneWayMs
        break
      case 'acknowledged':
        link.acknowledged(event.id, atMs)
        break
    }
  }
  return inputs
}
