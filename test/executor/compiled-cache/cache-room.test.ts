import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { contents, sketchNumber, spokenCache } from './cached-sketch.ts'

let directory: string
let fresh = 0

/** A folder that is not there yet. */
function folder(): string {
  return join(directory, String(fresh++))
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'surgeon-compiled-'))
})

afterAll(() => rm(directory, { recursive: true, force: true }))

describe('CompiledCache', () => {
  test('keeps what was used last within its bytes, as a plain list would, and touches nothing else', async () => {
    const place = folder()
    await mkdir(place)
    await writeFile(join(place, 'photo.jpg'), 'not ours')
    const { hash, graph } = sketchNumber(0)
    const probe = folder()
    await spokenCache(probe).cache.use(hash, graph, contents)
    const size = await folderBytes(join(probe, (await readdir(probe))[0]!))
    const { cache, said } = spokenCache(place, Math.floor(3.5 * size))
    const kept: number[] = []
    const keys = new Map<number, string>()
    let clock = Date.now() - 1_000_000
    for (const number of [1, 2, 3, 1, 4, 4, 5, 1, 2, 3, 6, 3, 1]) {
      const sketch = sketchNumber(number)
      await cache.use(sketch.hash, sketch.graph, async (path) => {
        keys.set(number, path.split('/').at(-2)!)
      })
      const before = kept.indexOf(number)
      if (before >= 0) kept.splice(before, 1)
      kept.push(number)
      if (kept.length > 3) kept.shift()
      expect((await readdir(place)).toSorted()).toEqual(
        [...kept.map((one) => keys.get(one)!), 'photo.jpg'].toSorted(),
      )
      // As if time went by: file systems keep coarse stamps.
      clock += 10_000
      await utimes(join(place, keys.get(number)!, 'entry.json'), clock / 1000, clock / 1000)
    }
    expect(said).toEqual([])
  })

  test('an entry that is being loaded is not evicted, even for one that then has to be compiled in memory', async () => {
    const place = folder()
    const [one, other] = [sketchNumber(1), sketchNumber(2)]
    const { cache, said, timesInMemory } = spokenCache(place, 30_000)
    await cache.use(one.hash, one.graph, async (path) => {
      const before = await contents(path)
      const meanwhile = spokenCache(place, 30_000)
      expect(await meanwhile.cache.use(other.hash, other.graph, contents)).toBeUndefined()
      expect(meanwhile.said.map(({ level, message }) => [level, message])).toEqual([
        ['warn', 'segments are compiled in memory: the cache of compiled segments is too small'],
      ])
      expect(meanwhile.timesInMemory()).toBe(1)
      expect(await contents(path)).toBe(before)
    })
    expect(await cache.use(other.hash, other.graph, contents)).toBeDefined()
    expect(await readdir(place)).toHaveLength(1)
    expect([said, timesInMemory()]).toEqual([[], 0])
  })

  test('many at once in a directory too small for them: each gets its own model', async () => {
    const place = folder()
    const sketches = [1, 2, 3].map(sketchNumber)
    const wanted = await Promise.all(
      sketches.map(({ hash, graph }) => spokenCache(folder()).cache.use(hash, graph, contents)),
    )
    const faults: unknown[] = []
    await Promise.all(
      Array.from({ length: 24 }, async (_, n) => {
        const { cache, said } = spokenCache(place, 60_000)
        for (let round = 0; round < 6; round++) {
          const number = (n + round) % 3
          const { hash, graph } = sketches[number]!
          const got = await cache.use(hash, graph, contents)
          // In memory is no fault here: others were being loaded.
          expect([undefined, wanted[number]]).toContain(got)
        }
        faults.push(...said.filter(({ message }) => !message.includes('too small')))
      }),
    )
    expect(faults).toEqual([])
    expect((await readdir(place)).filter((name) => name.endsWith('.tmp'))).toEqual([])
  })

  test('what a process left unfinished when it died is removed in time, and not before', async () => {
    const place = folder()
    await mkdir(place)
    const [old, young] = ['a', 'b'].map((digit) => join(place, `${digit.repeat(32)}.0123456789ab.tmp`))
    for (const path of [old!, young!]) {
      await mkdir(path)
      await writeFile(join(path, 'weights.bin'), 'half')
    }
    await utimes(old!, 1, 1)
    const { hash, graph } = sketchNumber(1)
    const { cache, said } = spokenCache(place)
    expect(await cache.use(hash, graph, contents)).toBeDefined()
    const left = await readdir(place)
    expect(left).toHaveLength(2)
    expect(left).toContain(young!.split('/').at(-1))
    expect(said).toEqual([])
  })
})

async function folderBytes(path: string): Promise<number> {
  const sizes = (await readdir(path)).map(async (name) => (await readFile(join(path, name))).length)
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0)
}
