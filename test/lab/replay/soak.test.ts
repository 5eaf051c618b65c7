import { expect, test } from 'vitest'
import { type SimulatedRequest, simulate, type World } from '../../../lab/replay/simulate.ts'
import { collectGarbage } from '../../../src/memory/collect-garbage.ts'
import { mobileNetOnPi4 } from './pi4.ts'

const hourMs = 3_600_000
const minuteMs = 60_000
/** `SURGEON_SOAK_HOURS=24 npx vitest run dist/test/lab/replay/soak` is a day. */
const hours = Number(process.env['SURGEON_SOAK_HOURS'] ?? 3)
const everyMs = 2000
const sampleMs = 10 * minuteMs
const setup = await mobileNetOnPi4()

/** 4 Mbps, and in each hour five minutes without a link, ten of a thin one. */
const uplink = Array.from({ length: hours }, (_, hour) => [
  { fromMs: hour * hourMs, capacity: 4e6, oneWayDelayMs: 20 },
  { fromMs: hour * hourMs + 20 * minuteMs, capacity: 0, oneWayDelayMs: 20 },
  { fromMs: hour * hourMs + 25 * minuteMs, capacity: 2e5, oneWayDelayMs: 20 },
  { fromMs: hour * hourMs + 35 * minuteMs, capacity: 4e6, oneWayDelayMs: 20 },
]).flat()

/** In each hour the worker is away for five minutes. */
const isAway = (nowMs: number) => {
  const minute = (nowMs % hourMs) / minuteMs
  return minute >= 45 && minute < 50
}

test(`${hours} hours of virtual time: every request is answered once, and the daemon's parts keep nothing of it`, async () => {
  const tailMs = new Map(setup.chain.wounds.slice(0, -1).map(({ id }) => [id, 10] as const))
  const ended: SimulatedRequest[] = []
  const heapMb: number[] = []
  let nextMs = sampleMs
  const world: World = {
    setup,
    uplink,
    downlink: uplink,
    edgeFactorAt: () => 1,
    inputMs: 6,
    workers: [
      {
        id: 'w',
        tailMs,
        pictureMs: 3,
        factorAt: () => 1,
        stateAt: (nowMs) => (isAway(nowMs) ? 'silent' : 'serves'),
      },
    ],
    arrivals: Array.from({ length: (hours * hourMs) / everyMs }, (_, n) => ({
      atMs: n * everyMs,
      bytes: 17_000,
    })),
    timeLimitMs: 10_000,
    onEnd: (request) => {
      ended.push(request)
      if (request.endMs < nextMs) return
      nextMs += sampleMs
      // What the simulation itself keeps of each request; the last ones may still be written to.
      for (const { trace } of ended.splice(0, ended.length - 50))
        for (const key of Object.keys(trace)) Reflect.deleteProperty(trace, key)
      collectGarbage()
      heapMb.push(process.memoryUsage().heapUsed / 2 ** 20)
    },
  }
  const requests = await simulate(world)
  expect(requests.filter(({ outcomes }) => outcomes !== 1)).toEqual([])
  const late = requests.filter(({ outcome }) => outcome?.kind !== 'answered')
  expect(late).toEqual([])
  const byWorker = requests.filter(
    ({ outcome }) => outcome?.kind === 'answered' && outcome.finishedAt === 'worker',
  )
  expect(byWorker.length).toBeGreaterThan(requests.length / 4)
  // After an hour all code is compiled; the simulation has some hundred bytes a request, a trace with its plan 1.4 kB.
  const growthBytes = (heapMb.at(-1)! - heapMb[hourMs / sampleMs]!) * 2 ** 20
  expect(growthBytes / requests.length).toBeLessThan(300)
})
