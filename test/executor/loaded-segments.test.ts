import { describe, expect, test } from 'vitest'
import type { Engine } from '../../src/executor/engine.ts'
import { loadEngine } from '../../src/executor/load-engine.ts'
import { LoadedSegments } from '../../src/executor/loaded-segments.ts'
import { exampleInputs } from '../../src/executor/parity.ts'
import { wholeModel } from '../../src/model-graph/cut.ts'
import { kerasTopology, sketchModel } from '../keras-model.ts'
import { sketchInput } from './layer-sketches.ts'
import { noXnnpack, xnnpackWhereInstalled } from './xnnpack-setup.ts'

const model = sketchModel(
  kerasTopology([sketchInput, ['c', 'Conv2D', { filters: 4, kernel_size: 3, activation: 'relu' }, 'in']]),
)
const whole = wholeModel(model.graph)

/** Segments on a machine of that load, with how many threads each was compiled, and what was said. */
function loaded(real: Engine, threads: number, load: number, mayLower = true) {
  const compiledWith: number[] = []
  const said: string[] = []
  const freed = { times: 0 }
  const engine: Engine = {
    name: real.name,
    compile(...args) {
      compiledWith.push(args[2].threads)
      return real.compile(...args)
    },
  }
  const segments = new LoadedSegments(engine, model, {
    threads,
    mayLower,
    loadPerCore: () => load,
    beforeRelease: () => freed.times++,
    log: (_level, message) => said.push(message),
  })
  const answer = async (key: string) => (await segments.get(key).executable.run(exampleInputs(model)))[0]!
  /** Runs that become late in the end. */
  const runLate = async () => {
    for (const ms of [10, 10, 10, 10, 10, 30, 30, 30, 30, 30]) {
      segments.hasRun('whole', ms)
      await segments.adjust()
    }
  }
  return { segments, compiledWith, said, freed, answer, runLate }
}

describe.each(['onnxruntime', 'xnnpack'] as const)('LoadedSegments on %s', (name) => {
  test('threads are halved where the machine is crowded, and what is loaded goes on with fewer', async ({
    skip,
  }) => {
    skip(name === 'xnnpack' && (await xnnpackWhereInstalled()) === undefined, noXnnpack)
    const { segments, compiledWith, said, freed, answer, runLate } = loaded(await loadEngine(name), 3, 2)
    await segments.load('whole', whole)
    await segments.load('again', whole)
    const before = await answer('whole')
    await runLate()
    expect(compiledWith).toEqual([3, 3, 1, 1])
    expect(said).toEqual(['runs take twice as long under load: fewer threads'])
    expect(freed.times).toBeGreaterThanOrEqual(2)
    for (const key of ['whole', 'again']) {
      const after = await answer(key)
      expect(after.shape).toEqual(before.shape)
      expect(Math.max(...after.data.map((value, i) => Math.abs(value - before.data[i]!)))).toBeLessThan(1e-5)
    }
    await runLate()
    expect(compiledWith.length).toBe(4)
    await segments.release()
    expect(() => segments.get('whole')).toThrow('Cannot run segment whole: it is not loaded')
  })
})

test('LoadedSegments: an idle machine and an engine whose threads cannot be changed keep them', async () => {
  const real = await loadEngine('onnxruntime')
  for (const { segments, compiledWith, said, runLate } of [loaded(real, 2, 1), loaded(real, 2, 2, false)]) {
    await segments.load('whole', whole)
    await runLate()
    expect([compiledWith, said]).toEqual([[2], []])
    await segments.release()
  }
})
