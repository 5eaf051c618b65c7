import { expect, test } from 'vitest'
import { doorMs, predictedMs } from '../../../src/scheduler/mix/admission.ts'
import type { Resource } from '../../../src/scheduler/mix/resource.ts'
import { middle, plan, resources } from './three-plans.ts'

const nothing = [0, 0, 0]

test('predictedMs() of a plan that waits for nobody is its latency', () => {
  expect(predictedMs(middle, resources, nothing, nothing)).toBe(90)
  // A latency that was rounded down for a reason is no time that is won.
  expect(predictedMs(plan('local', 97, [100, 0, 0]), resources, nothing, nothing)).toBe(100)
})

test('predictedMs() waits for each resource while it is served by those before', () => {
  // Begins on the edge at 10 and is done at 50, sent from 60 to 72, and at a worker that is free at 20 till 80; then 30 more.
  expect(predictedMs(middle, resources, [10, 60, 20], nothing)).toBe(10 + 40 + 10 + 12 + 8 + 30)
  // What it does not need it does not wait for.
  expect(predictedMs(plan('local', 100, [100, 0, 0]), resources, [0, 500, 500], nothing)).toBe(100)
})

test('predictedMs() waits behind what is promised to a resource, unless that is its first', () => {
  expect(predictedMs(middle, resources, nothing, [0, 60, 0])).toBe(60 + 12 + 8 + 30)
  expect(predictedMs(plan('input', 120, [0, 70, 10]), resources, nothing, [0, 60, 0])).toBe(120)
})

test('predictedMs() does not wait for a budget', () => {
  const budget: Resource = { name: 'bytes', perS: 100, maxUtilisation: 1, queue: undefined }
  const metered = plan('middle', 90, [...middle.use, 3000])
  expect(predictedMs(metered, [...resources, budget], [0, 0, 0, 9000], [0, 0, 0, 9000])).toBe(90)
})

test('doorMs() is a few times what the edge takes alone, and no later than the deadline', () => {
  expect(doorMs(100)).toBe(400)
  expect(doorMs(100, 250)).toBe(250)
  expect(doorMs(100, 1000)).toBe(400)
})
