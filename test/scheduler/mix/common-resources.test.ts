import { expect, test } from 'vitest'
import { overCommonResources, type StreamPlans } from '../../../src/scheduler/mix/common-resources.ts'
import type { Resource } from '../../../src/scheduler/mix/resource.ts'

const resource = (name: string, perS = 1000): Resource => ({
  name,
  perS,
  maxUtilisation: 0.97,
  queue: { servers: 1, serviceCv2: 0.1 },
})
const plan = (name: string, ...use: number[]) => ({ name, latencyMs: 10, use })
const porch: StreamPlans = {
  plans: [plan('local', 100, 0, 0), plan('input', 0, 30, 8)],
  resources: [resource('edge'), resource('uplink'), resource('workers of a')],
}
const yard: StreamPlans = {
  plans: [plan('input', 0, 20, 5)],
  resources: [resource('edge'), resource('uplink'), resource('workers of b', 2000)],
}

test('overCommonResources() leaves the plans of one model as they are', () => {
  const streams = new Map([
    ['porch', porch],
    ['gate', porch],
  ])
  const common = overCommonResources(streams, porch)
  expect(common.resources).toEqual(porch.resources)
  expect(common.plans.get('gate')).toBe(porch.plans)
})

test('overCommonResources() gives each model its own workers, and shares edge and uplink', () => {
  const streams = new Map([
    ['porch', porch],
    ['yard', yard],
  ])
  const { resources, plans } = overCommonResources(streams, yard)
  expect(resources.map(({ name }) => name)).toEqual(['edge', 'uplink', 'workers of a', 'workers of b'])
  expect(plans.get('porch')!.map(({ use }) => use)).toEqual([
    [100, 0, 0, 0],
    [0, 30, 8, 0],
  ])
  expect(plans.get('yard')!.map(({ use }) => use)).toEqual([[0, 20, 0, 5]])
})

test('overCommonResources() knows resources by their names, in whatever order a stream has them', () => {
  const turned: StreamPlans = {
    plans: [plan('input', 8, 30, 0)],
    resources: [resource('workers of a'), resource('uplink'), resource('edge')],
  }
  const { plans } = overCommonResources(
    new Map([
      ['porch', porch],
      ['gate', turned],
    ]),
    porch,
  )
  expect(plans.get('gate')!.map(({ use }) => use)).toEqual([[0, 30, 8]])
})

test('overCommonResources() believes the newest of what all share, in an order that does not depend on it', () => {
  const newer = { ...yard, resources: [resource('edge', 500), ...yard.resources.slice(1)] }
  const streams = new Map([
    ['porch', porch],
    ['yard', newer],
  ])
  expect(overCommonResources(streams, newer).resources[0]!.perS).toBe(500)
  const names = (newest: StreamPlans) =>
    overCommonResources(streams, newest).resources.map(({ name }) => name)
  expect(names(porch)).toEqual(names(newer))
  expect(overCommonResources(streams, porch).resources[0]!.perS).toBe(1000)
})
