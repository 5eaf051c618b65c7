import { expect, test } from 'vitest'
import { isSplit, plannedUtilisation, workersResource } from '../../../src/scheduler/mix/resource.ts'
import { input, local, middle, plan, resources } from './three-plans.ts'

test('workersResource() has a name for each model’s workers', () => {
  expect(workersResource()).toBe('workers')
  expect(workersResource('a')).not.toBe(workersResource('b'))
  expect(workersResource('a')).not.toBe(workersResource())
})

test('isSplit() is a plan that computes on the edge and at some model’s workers', () => {
  expect([input, middle, local].map((each) => isSplit(each, resources))).toEqual([false, true, false])
  const several = [...resources, { ...resources[2]!, name: workersResource('b') }]
  expect(isSplit(plan('at b', 90, [40, 12, 0, 8]), several)).toBe(true)
  // Sent for nothing: nobody computes it.
  expect(isSplit(plan('sent', 90, [40, 12, 0, 0]), several)).toBe(false)
})

test('plannedUtilisation() leaves as much room as is uncertain, and plans half in any case', () => {
  expect(plannedUtilisation(0)).toBe(0.97)
  expect(plannedUtilisation(0.2)).toBeCloseTo(0.77)
  expect(plannedUtilisation(0.9)).toBe(0.5)
})
