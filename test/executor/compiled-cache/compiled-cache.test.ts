import { mkdir, mkdtemp, readdir, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { crc32 } from 'node:zlib'
import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { entryFault } from '../../../src/executor/compiled-cache/cache-entry.ts'
import { loweringVersion } from '../../../src/executor/compiled-cache/compiled-cache.ts'
import { InferenceHost } from '../../../src/executor/inference-host.ts'
import type { ThreadNote } from '../../../src/executor/inference-protocol.ts'
import { loadEngine } from '../../../src/executor/load-engine.ts'
import { lowerSegment } from '../../../src/executor/onnx/lower-segment.ts'
import { exampleInputs, runSegment } from '../../../src/executor/parity.ts'
import { cut, wholeModel } from '../../../src/model-graph/cut.ts'
import { findWound } from '../../../src/model-graph/find-wound.ts'
import { loadModel } from '../../../src/model-graph/load-model.ts'
import type { Model } from '../../../src/model-graph/model.ts'
import type { Segment } from '../../../src/model-graph/segment.ts'
import { layOutMessage } from '../../../src/onnx/message-layout.ts'
import { writeMessage } from '../../../src/onnx/write-message.ts'
import type { TensorValue } from '../../../src/tensor/tensor-value.ts'
import { kerasTopology, sketchModel } from '../../keras-model.ts'
import { repositoryRoot } from '../../paths.ts'
import { singleLayers, sketchInput } from '../layer-sketches.ts'
import { contents, sketchNumber, spokenCache } from './cached-sketch.ts'

const mobilenet = fileURLToPath(new URL('models/mobilenetv2', repositoryRoot))
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

/** Of a model whose weights can no longer be read. */
function withoutWeights(model: Model): Model {
  return { ...model, weights: { read: () => Promise.reject(new Error('a weight was read')) } }
}

describe('CompiledCache', () => {
  test('from disk a model computes bit for bit what it computes from memory, and later reads no weight', async () => {
    const model = await loadModel(mobilenet)
    const engine = await loadEngine('onnxruntime')
    const { head, tail } = cut(model.graph, findWound(model.graph, 'block_6_project_BN'))
    const inputs = exampleInputs(model)
    const run = async (
      segment: Segment,
      given: readonly TensorValue[],
      of: Model,
    ): Promise<TensorValue[]> => {
      const executable = await engine.compile(of, segment, { threads: 1, cache: cacheOfThisStart })
      const values = await executable.run(given)
      await executable.release()
      return values
    }
    const crossing = await runSegment(engine, model, head, inputs)
    const answer = await runSegment(engine, model, tail, crossing)
    const place = folder()
    const first = spokenCache(place, 1 << 28)
    const second = spokenCache(place, 1 << 28)
    let cacheOfThisStart = first.cache
    expect(await run(head, inputs, model)).toEqual(crossing)
    expect(await run(tail, crossing, model)).toEqual(answer)
    cacheOfThisStart = second.cache
    expect(await run(head, inputs, withoutWeights(model))).toEqual(crossing)
    expect(await run(tail, crossing, withoutWeights(model))).toEqual(answer)
    expect(await readdir(place)).toHaveLength(2)
    expect([...first.said, ...second.said]).toEqual([])
  })

  test('whatever happens to a file is found before it is loaded, told, and made good', async () => {
    const { hash, graph } = sketchNumber(1)
    const place = folder()
    const wanted = await spokenCache(place).cache.use(hash, graph, contents)
    const [key = ''] = await readdir(place)
    const entry = join(place, key)
    const elsewhere = join(directory, 'elsewhere')
    await writeFile(elsewhere, 'not ours')
    const file = fc.constantFrom('model.onnx', 'weights.bin', 'entry.json')
    const position = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
    const harm = fc.oneof(
      fc.record({ kind: fc.constant('flip'), position, bit: fc.nat(7) }),
      fc.record({ kind: fc.constantFrom('cut', 'foreign'), position }),
      fc.record({ kind: fc.constantFrom('empty', 'missing', 'folder', 'link', 'longer') }),
    ) as fc.Arbitrary<{ kind: string; position?: number; bit?: number }>
    await fc.assert(
      fc.asyncProperty(file, harm, async (name, { kind, position: at = 0, bit = 0 }) => {
        const path = join(entry, name)
        const bytes = await readFile(path)
        const offset = Math.floor(at * bytes.length)
        if (kind === 'flip') bytes[offset]! ^= 1 << bit
        if (kind === 'foreign') bytes.fill('another program wrote this ', offset)
        if (kind === 'cut') await truncate(path, offset)
        else if (kind === 'empty') await truncate(path, 0)
        else if (kind === 'longer') await writeFile(path, 'x', { flag: 'a' })
        else {
          await rm(path)
          if (kind === 'folder') await mkdir(path)
          else if (kind === 'link') await symlink(elsewhere, path)
          else if (kind !== 'missing') await writeFile(path, bytes)
        }
        const { cache, said, timesInMemory } = spokenCache(place)
        // A record may be written in another way and still say the same.
        const harmless = (await entryFault(entry, key)) === undefined
        expect(harmless && name !== 'entry.json').toBe(false)
        const load = async (model: string): Promise<string> => {
          expect(await entryFault(entry, key)).toBeUndefined()
          return contents(model)
        }
        expect(await cache.use(hash, graph, load)).toBe(wanted)
        expect(said.map(({ level, fields }) => [level, fields['path']])).toEqual(
          harmless ? [] : [['warn', entry]],
        )
        expect(timesInMemory()).toBe(0)
      }),
      { numRuns: 150 },
    )
    expect(await readdir(place)).toEqual([key])
    expect(await readFile(elsewhere, 'utf8')).toBe('not ours')
  })

  test.each(['a file', 'an empty folder', 'a link'])('%s in place of an entry is removed', async (kind) => {
    const { hash, graph } = sketchNumber(1)
    const place = folder()
    const wanted = await spokenCache(place).cache.use(hash, graph, contents)
    const entry = join(place, (await readdir(place))[0]!)
    const target = folder()
    await mkdir(target)
    await writeFile(join(target, 'photo'), 'not ours')
    await rm(entry, { recursive: true })
    if (kind === 'a file') await writeFile(entry, 'x')
    else if (kind === 'a link') await symlink(target, entry)
    else await mkdir(entry)
    const { cache, said } = spokenCache(place)
    expect(await cache.use(hash, graph, contents)).toBe(wanted)
    expect(said).toHaveLength(1)
    expect(await readFile(join(target, 'photo'), 'utf8')).toBe('not ours')
  })

  test('a weight that cannot be read is an error of its own and leaves nothing behind', async () => {
    const { model, hash } = sketchNumber(1)
    const place = folder()
    const graph = lowerSegment(withoutWeights(model), wholeModel(model.graph))
    const { cache, said } = spokenCache(place)
    await expect(cache.use(hash, graph, contents)).rejects.toThrow('a weight was read')
    expect([await readdir(place), said]).toEqual([[], []])
  })

  test('what the runtime refuses is its error, and the entry stays', async () => {
    const { hash, graph } = sketchNumber(1)
    const place = folder()
    const refuse = () => Promise.reject(new Error('std::bad_alloc'))
    await expect(spokenCache(place).cache.use(hash, graph, refuse)).rejects.toThrow('std::bad_alloc')
    expect(await readdir(place)).toHaveLength(1)
  })

  test('a directory that cannot be written is told once, and the thread serves from memory', async () => {
    const file = folder()
    await writeFile(file, 'a file')
    const notes: ThreadNote[] = []
    const compiledCache = { directory: join(file, 'compiled'), bytes: 1 << 28 }
    const inference = new InferenceHost(
      { model: mobilenet, engine: 'onnxruntime', threads: 1, slowdown: 1, compiledCache },
      { onNote: (note) => notes.push(note) },
    )
    const model = await loadModel(mobilenet)
    const { head, tail } = cut(model.graph, findWound(model.graph, 'block_13_project_BN'))
    await inference.start()
    try {
      await inference.load('head', head)
      await inference.load('tail', tail)
      const reply = await inference.run({
        request: 'one',
        segments: ['head', 'tail'],
        input: { kind: 'values', tensors: head.inputs, values: exampleInputs(model) },
        output: tail.outputs,
        keep: false,
        values: true,
      })
      expect(reply.values[0]!.data).toHaveLength(1000)
    } finally {
      await inference.stop()
    }
    expect(notes).toMatchObject([
      {
        kind: 'log',
        level: 'warn',
        message: 'segments are compiled in memory: the cache of compiled segments cannot be written',
        fields: {
          directory: compiledCache.directory,
          error: { message: expect.stringContaining('ENOTDIR') },
        },
      },
      { kind: 'in-memory' },
    ])
  })

  test('the lowering gives the constants that its version stands for', async () => {
    // If this fails because constants of the same name and shape have other values now, raise loweringVersion.
    let sum = 0
    for (const layer of singleLayers) {
      const model = sketchModel(kerasTopology([sketchInput, layer]))
      const graph = lowerSegment(model, wholeModel(model.graph))
      const layout = layOutMessage(graph, { location: 'x', minBytes: 0, alignment: 1 })
      const data = (bytes: Uint8Array) => void (sum = crc32(bytes, sum))
      await writeMessage(layout, { message: () => undefined, data })
    }
    expect([loweringVersion, sum]).toEqual([1, 1_883_736_388])
  })
})
