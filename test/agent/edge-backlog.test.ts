import fc from 'fast-check'
import { expect, test } from 'vitest'
import { EdgeBacklog } from '../../agent/edge-backlog.ts'

test('EdgeBacklog: one request after the other finds an idle engine, however much too long each was predicted', () => {
  const backlog = new EdgeBacklog()
  for (let nowMs = 0; nowMs < 100_000; nowMs += 800) {
    expect(backlog.waitMs(nowMs)).toBe(0)
    backlog.promise(1200, nowMs)()
  }
})

test('EdgeBacklog: requests in work wait for those before them, less what has passed', () => {
  const backlog = new EdgeBacklog()
  const first = backlog.promise(100, 0)
  backlog.promise(50, 20)
  expect(backlog.waitMs(20)).toBe(130)
  expect(backlog.waitMs(140)).toBe(10)
  expect(backlog.waitMs(1000)).toBe(0)
  first()
  expect(backlog.waitMs(30)).toBe(40)
})

test('EdgeBacklog never says more than what was promised for those in work, nor less than nothing', () => {
  const step = fc.record({ afterMs: fc.nat(100), workMs: fc.nat(200), answers: fc.nat(3) })
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const backlog = new EdgeBacklog()
      const inWork: { workMs: number; answered: () => void }[] = []
      let nowMs = 0
      for (const { afterMs, workMs, answers } of steps) {
        nowMs += afterMs
        inWork.push({ workMs, answered: backlog.promise(workMs, nowMs) })
        for (const { answered } of inWork.splice(0, answers)) answered()
        const promisedMs = inWork.reduce((sum, request) => sum + request.workMs, 0)
        expect(backlog.waitMs(nowMs)).toBeGreaterThanOrEqual(0)
        expect(backlog.waitMs(nowMs)).toBeLessThanOrEqual(promisedMs)
      }
    }),
  )
})
