import { mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import type { EngineName } from '../../src/executor/engine.ts'
import { type Agreement, chooseEngine, type EngineTrial } from '../../src/executor/engine-choice.ts'
import { runTrial } from '../../src/executor/engine-trial.ts'
import { resolveEngine } from '../../src/executor/resolve-engine.ts'
import { repositoryRoot } from '../paths.ts'

function ran(engine: EngineName, wholeMs: number, woundDifference = 0): EngineTrial {
  return { kind: 'ran', engine, wholeMs, woundDifference }
}

function agree(a: EngineName, b: EngineName, relativeDifference = 1e-6): Agreement {
  return { engines: [a, b], relativeDifference }
}

test('chooseEngine takes the fastest that another engine confirms', () => {
  const trials = [ran('onnxruntime', 4), ran('tensorflow', 20), ran('wasm', 30)]
  const all = [agree('onnxruntime', 'tensorflow'), agree('onnxruntime', 'wasm'), agree('tensorflow', 'wasm')]
  expect(chooseEngine(trials, all).engine).toBe('onnxruntime')
  const odd = [agree('onnxruntime', 'tensorflow', 0.1), agree('onnxruntime', 'wasm', 0.1), all[2]!]
  expect(chooseEngine(trials, odd).engine).toBe('tensorflow')
  const none = odd.map((agreement) => ({ ...agreement, relativeDifference: 0.1 }))
  expect(chooseEngine(trials, none)).toEqual({
    engine: 'wasm',
    reason: 'no two engines agree, so the portable one',
  })
})

test('chooseEngine leaves out what did not run and what is not equal to itself when cut', () => {
  const failed: EngineTrial = { kind: 'failed', engine: 'tensorflow', reason: 'it is missing' }
  const agreement = [agree('onnxruntime', 'wasm')]
  expect(chooseEngine([ran('onnxruntime', 4, 1), failed, ran('wasm', 30)], agreement).engine).toBe('wasm')
  expect(chooseEngine([failed, ran('wasm', 30)], [])).toEqual({
    engine: 'wasm',
    reason: 'the only engine that runs here',
  })
  expect(() => chooseEngine([failed, ran('wasm', 30, 1)], [])).toThrow(
    /tensorflow: it is missing; wasm: head and tail differ from the whole by 1/,
  )
})

test('resolveEngine measures once and remembers; another machine or a broken file is measured again', async () => {
  const stateDirectory = await mkdtemp(join(tmpdir(), 'surgeon-engines-'))
  const told: string[] = []
  const options = {
    model: fileURLToPath(new URL('models/mobilenetv2', repositoryRoot)),
    modelHash: '0'.repeat(32),
    threads: 1,
    machine: 'this one',
    stateDirectory,
    log: (_level: string, message: string) => told.push(message),
  }
  expect(await resolveEngine('wasm', options)).toBe('wasm')
  expect(told).toEqual([])
  const engine = await resolveEngine('auto', options)
  expect(told).toEqual(['measuring the engines, once', 'chose an engine'])
  const path = join(stateDirectory, 'engines', (await readdir(join(stateDirectory, 'engines')))[0]!)
  const choice = JSON.parse(await readFile(path, 'utf8')) as { engine: string; trials: EngineTrial[] }
  const times = choice.trials.filter((trial) => trial.kind === 'ran')
  expect(times.length).toBeGreaterThanOrEqual(2)
  expect(choice.engine).toBe(times.toSorted((a, b) => a.wholeMs - b.wholeMs)[0]!.engine)

  // Not the measured one, so that reading it shows.
  const other = engine === 'wasm' ? 'onnxruntime' : 'wasm'
  await writeFile(path, JSON.stringify({ ...choice, engine: other }))
  expect(await resolveEngine('auto', options)).toBe(other)
  await writeFile(path, 'half of a fi')
  expect(await resolveEngine('auto', options)).not.toBe(other)
  expect(told.length).toBe(4)
}, 120_000)

test('an engine whose model cannot be loaded is a reply, not a crash', async () => {
  expect(await runTrial({ model: '/nowhere', engine: 'wasm', threads: 1 })).toEqual({
    kind: 'failed',
    reason: expect.stringContaining('Cannot load model /nowhere') as string,
  })
})
