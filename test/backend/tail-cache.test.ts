import { beforeEach, expect, test } from 'vitest'
import { TailCache } from '../../backend/tail-cache.ts'
import { settled } from '../../lab/replay/virtual-clock.ts'
import { type Deferred, deferred } from '../../src/async/deferred.ts'
import { segmentChain } from '../../src/executor/segment-chain.ts'
import { cut } from '../../src/model-graph/cut.ts'
import { findWound } from '../../src/model-graph/find-wound.ts'
import { graphFromKeras } from '../../src/model-graph/keras-topology.ts'
import type { Segment } from '../../src/model-graph/segment.ts'
import { zooModel } from '../../src/model-graph/zoo/zoo.ts'
import { plannedWounds } from '../../src/scheduler/candidate-wounds.ts'
import { elementCount } from '../../src/tensor/element-count.ts'

const graph = graphFromKeras(zooModel('mobilenetv2').build().topology, { origin: 'test' })
const chain = segmentChain(graph, plannedWounds(graph))
/** A border of the chain, one before it that is none, and a border behind both. */
const [border, between, deep] = ['block_6_project_BN', 'block_3_project_BN', 'block_13_project_BN'].map(
  (name) => findWound(graph, name),
) as [Wound, Wound, Wound]
type Wound = ReturnType<typeof findWound>

/** Compiles when it is told to. */
class Host {
  idle = true
  readonly loaded = new Set<string>()
  readonly loading: { key: string; done: Deferred<void> }[] = []
  compiles = true

  async load(key: string, _segment: Segment): Promise<void> {
    const done = deferred<void>()
    this.loading.push({ key, done })
    if (this.compiles) done.resolve()
    await done.promise
    this.loaded.add(key)
  }

  async unload(key: string): Promise<void> {
    this.loaded.delete(key)
  }
}

let host: Host
let nowMs: number
beforeEach(() => {
  host = new Host()
  nowMs = 0
})

function bytesOf(wound: Wound): number {
  const shapes = cut(graph, wound).tail.layers.flatMap((layer) => graph.layers[layer]!.weights)
  return 4 * shapes.reduce((sum, { shape }) => sum + elementCount(shape), 0)
}

function cacheOf(tailBytes: number): TailCache {
  const log = () => undefined
  return new TailCache({ graph, chain, inference: host, tailBytes, now: () => nowMs, log })
}

test('TailCache: keeps the tails used last, as far as their weights fit', async () => {
  const cache = cacheOf(bytesOf(border) + bytesOf(deep))
  await cache.warm(border)
  await cache.warm(deep)
  expect([...host.loaded]).toEqual([`${border.id}..`, `${deep.id}..`])
  await cache.segmentsFor(border)
  const other = findWound(graph, 'global_average_pooling2d')
  await cache.warm(other)
  expect(await cache.segmentsFor(border)).toEqual([`${border.id}..`])
  expect(host.loaded.has(`${deep.id}..`)).toBe(false)
  const small = cacheOf(bytesOf(border) - 1)
  host.loaded.clear()
  await small.warm(border)
  expect(host.loaded.size).toBe(0)
})

test('TailCache: a wound without its tail is served from the chain, of one between borders over a bridge', async () => {
  const cache = cacheOf(1)
  const place = chain.indexOf(border.id)
  const rest = chain.segments.slice(place).map(({ key }) => key)
  expect(await cache.segmentsFor(border)).toEqual(rest)
  const bridge = `${between.id}..${border.id}`
  expect(await cache.segmentsFor(between)).toEqual([bridge, ...rest])
  expect(await cache.segmentsFor(between)).toEqual([bridge, ...rest])
  expect(host.loading.map(({ key }) => key)).toEqual([bridge])
})

test('TailCache: compiles what was asked for when there is nothing else to do, one at a time', async () => {
  const cache = cacheOf(1e9)
  await cache.segmentsFor(border)
  await cache.segmentsFor(deep)
  host.compiles = false
  host.idle = false
  cache.warmWhenIdle()
  await settled()
  expect(host.loading.length).toBe(0)
  host.idle = true
  cache.warmWhenIdle()
  cache.warmWhenIdle()
  await settled()
  expect(host.loading.map(({ key }) => key)).toEqual([`${border.id}..`])
  // Not before it is compiled.
  expect((await cache.segmentsFor(border)).length).toBeGreaterThan(1)
  nowMs = 70
  host.loading[0]!.done.resolve()
  await settled()
  expect(await cache.segmentsFor(border)).toEqual([`${border.id}..`])
  expect(cache.compiledAtMs).toBe(70)
  // The next is expected to take as long.
  nowMs = 100
  cache.warmWhenIdle()
  await settled()
  expect(host.loading.at(-1)!.key).toBe(`${deep.id}..`)
  expect(cache.compiledAtMs).toBe(170)
})

test('TailCache: a tail that does not compile leaves its wound to the chain, and its bytes free', async () => {
  const cache = cacheOf(bytesOf(border))
  host.compiles = false
  const warming = cache.warm(border)
  await settled()
  host.loading[0]!.done.reject(new Error('out of memory'))
  await expect(warming).rejects.toThrow('out of memory')
  expect((await cache.segmentsFor(border)).length).toBeGreaterThan(1)
  host.compiles = true
  await cache.warm(deep)
  expect(host.loaded.has(`${deep.id}..`)).toBe(true)
})
