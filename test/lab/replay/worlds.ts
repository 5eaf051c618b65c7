import { type ArrivalKind, arrivalTimes } from '../../../lab/replay/arrivals.ts'
import { knownLink } from '../../../lab/replay/believed-link.ts'
import { seededRandom } from '../../../lab/replay/random.ts'
import { type SimulatedInput, simulateStream } from '../../../lab/replay/simulate-stream.ts'
import { mixPolicy } from '../../../lab/replay/stream-policies.ts'
import { localMs, mixOf, type StreamWorld, type WorldPlan } from '../../../lab/replay/stream-world.ts'
import { fluidBound } from '../../../src/scheduler/mix/program.ts'

const remote = { backendMs: 4 }

/** MobileNetV2 on a Raspberry Pi 4 at 100 ms, as the bundled calibration has it: received, WebP, learned transforms. */
export const mobileNet: readonly WorldPlan[] = [
  { name: 'input', edgeMs: 0, bytes: 28_900, ...remote },
  { name: 'webp', edgeMs: 20, bytes: 16_200, ...remote },
  { name: 'block_6', edgeMs: 41, bytes: 2900, ...remote },
  { name: 'block_13', edgeMs: 72, bytes: 1950, ...remote },
  { name: 'block_16', edgeMs: 86, bytes: 1100, ...remote },
  { name: 'local', edgeMs: 100, bytes: 0, backendMs: 0 },
]

/** ResNet50 on the same: nothing but the picture is small before the last stage. */
export const resNet: readonly WorldPlan[] = [
  { name: 'input', edgeMs: 0, bytes: 17_400, backendMs: 30 },
  { name: 'stage 4', edgeMs: 400, bytes: 12_500, backendMs: 8 },
  { name: 'local', edgeMs: 480, bytes: 0, backendMs: 0 },
]

function worldOf(plans: readonly WorldPlan[], mbps: number): StreamWorld {
  return { plans, uplink: 1e6 * mbps, roundTripMs: 40, workers: 2 }
}

export function boundPerS(world: StreamWorld, bps: number): number {
  const { plans, resources } = mixOf(world, { bps, relativeDeviation: 0 })
  return fluidBound(plans, resources)
}

export interface Outcome {
  readonly offeredPerS: number
  readonly answeredPerS: number
  /** Over what the edge alone takes. */
  readonly p95Ratio: number
}

/** One stream over a constant link, offered so many times what is possible. */
export function playConstant(
  plans: readonly WorldPlan[],
  mbps: number,
  kind: ArrivalKind,
  load: number,
  seconds: number,
): Outcome & { readonly boundPerS: number; readonly bestSinglePerS: number } {
  const world = worldOf(plans, mbps)
  const bound = boundPerS(world, 1e6 * mbps)
  const times = arrivalTimes(kind, load * bound, 1000 * seconds, seededRandom(7))
  const inputs = simulateStream({
    world,
    link: knownLink(1e6 * mbps),
    arrivals: new Map([['camera', times]]),
    policy: mixPolicy([{ name: 'camera', priority: 1, weight: 1, keep: 'newest' }]),
    seed: 3,
  })
  const made = mixOf(world, { bps: 1e6 * mbps, relativeDeviation: 0 })
  const singles = made.plans.map((plan) => fluidBound([plan], made.resources))
  return { ...outcome(inputs, world, seconds), boundPerS: bound, bestSinglePerS: Math.max(...singles) }
}

function outcome(inputs: readonly SimulatedInput[], world: StreamWorld, seconds: number): Outcome {
  const latencies = inputs
    .filter(({ doneMs }) => doneMs < Infinity)
    .map(({ arrivedMs, doneMs }) => doneMs - arrivedMs)
    .toSorted((a, b) => a - b)
  return {
    offeredPerS: inputs.length / seconds,
    answeredPerS: latencies.length / seconds,
    p95Ratio: latencies[Math.floor(0.95 * latencies.length)]! / localMs(world),
  }
}
