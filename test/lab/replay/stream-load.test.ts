import { expect, test } from 'vitest'
import { mobileNet, playConstant } from './worlds.ts'

const seconds = 60
const play = (kind: 'camera' | 'poisson', load: number) => playConstant(mobileNet, 2, kind, load, seconds)

test('a camera is answered whole up to 0.9 of the bound, within 2.5 local times', () => {
  for (const load of [0.3, 0.6, 0.9]) {
    const { answeredPerS, offeredPerS, p95Ratio } = play('camera', load)
    expect(answeredPerS / offeredPerS).toBeGreaterThan(0.99)
    expect(p95Ratio).toBeLessThan(2.5)
  }
})

test('arrivals by chance up to 0.6 of the bound are answered within 3 local times', () => {
  for (const load of [0.3, 0.6]) {
    const { answeredPerS, offeredPerS, p95Ratio } = play('poisson', load)
    expect(answeredPerS / offeredPerS).toBeGreaterThan(0.98)
    expect(p95Ratio).toBeLessThan(3)
  }
})

test('never fewer answers for more that is offered, and more than any single plan gives', () => {
  for (const kind of ['camera', 'poisson'] as const) {
    const rows = [0.6, 0.9, 1.3, 2, 3].map((load) => play(kind, load))
    for (const [i, { answeredPerS }] of rows.entries())
      for (const { answeredPerS: ofLess } of rows.slice(0, i))
        expect(answeredPerS).toBeGreaterThan(0.98 * ofLess)
    const { answeredPerS, bestSinglePerS } = rows.at(-1)!
    expect(answeredPerS).toBeGreaterThan(1.15 * bestSinglePerS)
  }
})
