import { expect, test } from 'vitest'
import { Crowding } from '../../src/executor/crowding.ts'

function told(times: readonly number[], load: number, crowding = new Crowding(() => load)): boolean[] {
  return times.map((ms) => crowding.hasRun('head', ms))
}

const usual = Array.from({ length: 20 }, (_, i) => 10 + (i % 3))
const never = (times: readonly number[]) => times.map(() => false)

test('Crowding: five segments in a row that take twice their usual time under load', () => {
  expect(told([...usual, 23, 23, 23, 23, 23], 1.5)).toEqual([...never([...usual, 1, 1, 1, 1]), true])
})

test('Crowding: neither single late ones, nor less than twice, nor a machine that is slow by itself', () => {
  const single = [...usual, 50, 50, 50, 50, 10, 50, 50, 50, 50, 10]
  expect(told(single, 1.5)).toEqual(never(single))
  const slower = [...usual, ...usual.map(() => 20)]
  expect(told(slower, 1.5)).toEqual(never(slower))
  const hot = [...usual, ...usual.map(() => 50)]
  expect(told(hot, 1)).toEqual(never(hot))
})

test('Crowding: what an idle machine takes becomes the usual, and each segment has its own', () => {
  let load = 1
  const crowding = new Crowding(() => load)
  told([...usual, ...usual.map(() => 50)], 1, crowding)
  load = 2
  expect(
    told(
      usual.map(() => 60),
      2,
      crowding,
    ),
  ).toEqual(never(usual))
  for (const ms of usual) crowding.hasRun('tail', ms * 100)
  expect(crowding.hasRun('tail', 1500)).toBe(false)
})

test('Crowding: after it was said it learns anew', () => {
  const crowding = new Crowding(() => 2)
  expect(told([...usual, 30, 30, 30, 30, 30], 2, crowding).at(-1)).toBe(true)
  expect(
    told(
      usual.map(() => 30),
      2,
      crowding,
    ),
  ).toEqual(never(usual))
})
