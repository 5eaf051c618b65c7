import { describe, expect, test } from 'vitest'
import { readMahimahiTrace } from '../../../lab/mahimahi-trace.ts'
import { arrivalTimes } from '../../../lab/replay/arrivals.ts'
import { estimatedLink } from '../../../lab/replay/believed-link.ts'
import { seededRandom } from '../../../lab/replay/random.ts'
import {
  type SimulatedInput,
  type StreamPolicy,
  simulateStream,
} from '../../../lab/replay/simulate-stream.ts'
import { SerialLink } from '../../../lab/replay/stations.ts'
import { mixPolicy, singlePlanPolicy } from '../../../lab/replay/stream-policies.ts'
import { localMs, type StreamWorld } from '../../../lab/replay/stream-world.ts'
import { noSharedData, sharedData } from '../../shared-data.ts'
import { boundPerS, mobileNet, resNet } from './worlds.ts'

const windowMs = 10_000
const lateMs = 1000
const seconds = 200

const traces = [
  'ATT-LTE-driving.up',
  'TMobile-LTE-short.up',
  'TMobile-UMTS-driving.up',
  'Verizon-LTE-short.up',
].map((name) => ({ name, path: sharedData(`traces/mahimahi/${name}`) }))

/** Answers within `lateMs`, a second. */
function inTime(inputs: readonly SimulatedInput[], latestMs: number): number {
  return inputs.filter(({ arrivedMs, doneMs }) => doneMs - arrivedMs <= latestMs).length / seconds
}

/** What hindsight could have answered of what was offered, window by window. */
function windowBounds(world: StreamWorld, times: readonly number[]): number {
  const link = new SerialLink(world.uplink)
  let sum = 0
  for (let fromMs = 0; fromMs < 1000 * seconds; fromMs += windowMs) {
    const offered = times.filter((atMs) => atMs >= fromMs && atMs < fromMs + windowMs).length
    const bps = Math.max(1, link.meanBps(fromMs, fromMs + windowMs))
    sum += Math.min(offered, (boundPerS(world, bps) * windowMs) / 1000)
  }
  return sum / seconds
}

describe.each(traces)('$name', ({ path }) => {
  for (const [model, plans, latestMs] of [
    ['MobileNetV2', mobileNet, lateMs],
    ['ResNet50', resNet, 3 * lateMs],
  ] as const) {
    test(`${model}: the mix is near the bound of each window, and no single plan does better`, async ({
      skip,
    }) => {
      if (path === undefined) skip(noSharedData)
      const world: StreamWorld = {
        plans,
        uplink: await readMahimahiTrace(path!),
        roundTripMs: 40,
        workers: 2,
      }
      for (const load of [1.5, 3]) {
        const times = arrivalTimes('camera', (1000 * load) / localMs(world), 1000 * seconds, seededRandom(7))
        const play = (policy: StreamPolicy) =>
          inTime(
            simulateStream({
              world,
              link: estimatedLink(),
              arrivals: new Map([['a', times]]),
              policy,
              seed: 3,
            }),
            latestMs,
          )
        const mixed = play(mixPolicy([{ name: 'a', priority: 1, weight: 1, keep: 'newest' }]))
        const single = plans.map(({ name }) => play(singlePlanPolicy(name)))
        const bound = windowBounds(world, times)
        // Mostly above 0.92 and 0.99; a camera of thrice the edge's rate over T-Mobile's UMTS is the worst.
        expect(mixed / bound).toBeGreaterThan(0.63)
        expect(mixed / Math.max(...single)).toBeGreaterThan(0.91)
      }
    })
  }
})
