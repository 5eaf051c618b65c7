import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import type { EngineName } from '../../src/executor/engine.ts'
import {
  type Agreement,
  chooseEngine,
  distrustOf,
  type EngineChoice,
  type EngineTrial,
  outdatedBecause,
} from '../../src/executor/engine-choice.ts'
import { runTrial } from '../../src/executor/engine-trial.ts'
import { type EngineEnvironment, engineEnvironment } from '../../src/executor/installed-engines.ts'
import { defaultEngineSetting, resolveEngine } from '../../src/executor/resolve-engine.ts'
import { repositoryRoot } from '../paths.ts'
import { noXnnpack } from './xnnpack-setup.ts'

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
    trusted: [],
  })
})

test('chooseEngine counts an engine by the precision it will be used in; float32 must agree all the same', () => {
  const slow = { ...ran('xnnpack', 8), roundedMs: { int8: 3, fp16: 3.5 } } as const
  const trials = [ran('onnxruntime', 4), slow]
  const { engine, reason } = chooseEngine(trials, [agree('onnxruntime', 'xnnpack')])
  expect(engine).toBe('xnnpack')
  expect(reason).toBe('fastest that passes the parity check: 3.0 ms in int8, onnxruntime 4.0 ms')
  expect(chooseEngine([ran('onnxruntime', 4), ran('xnnpack', 8)], []).engine).toBe('onnxruntime')
  const wasm = ran('wasm', 30)
  expect(chooseEngine([...trials, wasm], [agree('onnxruntime', 'wasm')]).engine).toBe('onnxruntime')
  const worse = { ...slow, roundedMs: { int8: 5 } }
  expect(chooseEngine([ran('onnxruntime', 4), worse], [agree('onnxruntime', 'xnnpack')]).engine).toBe(
    'onnxruntime',
  )
})

test('resolveEngine measures the precisions that may be used, and keeps that choice by itself', async ({
  skip,
}) => {
  skip(engineEnvironment().engines.xnnpack === null, noXnnpack)
  const stateDirectory = await mkdtemp(join(tmpdir(), 'surgeon-engines-'))
  const model = fileURLToPath(new URL('models/activity', repositoryRoot))
  const [modelHash, threads] = ['2'.repeat(32), 1]
  const around = { machine: 'this one', stateDirectory, log: () => undefined }
  await resolveEngine('auto', { model, modelHash, threads, precisions: ['int8'], ...around })
  const text = await readFile(join(stateDirectory, 'engines', `${modelHash}-1-int8.json`), 'utf8')
  const { trials, precisions } = JSON.parse(text) as EngineChoice
  expect(precisions).toEqual(['int8'])
  // Where the library has it: what was tried alone is told.
  const alone = await runTrial({ model, threads, engine: 'xnnpack', precision: 'int8' })
  const own = trials.find(({ engine }) => engine === 'xnnpack') as { roundedMs?: Record<string, number> }
  expect(Object.keys(own.roundedMs ?? {})).toEqual(alone.kind === 'ran' ? ['int8'] : [])
  const others = trials.filter((trial) => 'roundedMs' in trial && trial.engine !== 'xnnpack')
  expect(others).toEqual([])
})

test('every engine that another confirms is trusted, the fastest first, and what stands against the others is said', () => {
  const trials: EngineTrial[] = [
    ran('onnxruntime', 4),
    ran('xnnpack', 3),
    ran('wasm', 30),
    ran('tensorflow', 2, 1),
  ]
  const agreements = [agree('onnxruntime', 'wasm'), agree('xnnpack', 'wasm', 0.1)]
  expect(chooseEngine(trials, agreements).trusted).toEqual(['onnxruntime', 'wasm'])
  expect(distrustOf(trials, 'xnnpack')).toBe('no other engine here gives the same answer')
  expect(distrustOf(trials, 'tensorflow')).toBe('head and tail differ from the whole by 1')
  expect(distrustOf([], 'tensorflow')).toBe('it was not tried')
})

test('an engine of the system is never used untried, even where it is set', async () => {
  const stateDirectory = await mkdtemp(join(tmpdir(), 'surgeon-engines-'))
  const told: string[] = []
  const options = {
    model: fileURLToPath(new URL('models/activity', repositoryRoot)),
    modelHash: '1'.repeat(32),
    threads: 1,
    machine: 'this one',
    stateDirectory,
    log: (_level: string, message: string) => told.push(message),
  }
  const installed = engineEnvironment().engines.xnnpack !== null
  const resolved = await resolveEngine('xnnpack', options).catch((error: Error) => error.message)
  expect(resolved).toMatch(installed ? /^xnnpack$/ : /libxnnpack0\.20241108 or libxnnpack0/)
  expect(told).toEqual(['measuring the engines, once', 'chose an engine'])
  const path = join(stateDirectory, 'engines', (await readdir(join(stateDirectory, 'engines')))[0]!)
  const choice = JSON.parse(await readFile(path, 'utf8')) as EngineChoice
  const ended = { kind: 'failed', engine: 'xnnpack', reason: 'its process ended with SIGABRT' } as const
  const trials = [...choice.trials.filter(({ engine }) => engine !== 'xnnpack'), ended]
  const trusted = choice.trusted.filter((engine) => engine !== 'xnnpack')
  await writeFile(path, JSON.stringify({ ...choice, trials, trusted }))
  await expect(resolveEngine('xnnpack', options)).rejects.toThrow('xnnpack: its process ended with SIGABRT')
})

test('the default is a choice on ARM where there is one', () => {
  const environment = (xnnpack: string | null) => (): EngineEnvironment => ({
    ...without,
    engines: { ...without.engines, xnnpack },
  })
  expect(defaultEngineSetting('arm64', environment('there'))).toBe('auto')
  expect(defaultEngineSetting('arm', environment('there'))).toBe('auto')
  expect(defaultEngineSetting('arm64', environment(null))).toBe('onnxruntime')
  expect(defaultEngineSetting('x64', environment('there'))).toBe('onnxruntime')
})

test('chooseEngine leaves out what did not run and what is not equal to itself when cut', () => {
  const failed: EngineTrial = { kind: 'failed', engine: 'tensorflow', reason: 'it is missing' }
  const agreement = [agree('onnxruntime', 'wasm')]
  expect(chooseEngine([ran('onnxruntime', 4, 1), failed, ran('wasm', 30)], agreement).engine).toBe('wasm')
  expect(chooseEngine([failed, ran('wasm', 30)], [])).toEqual({
    engine: 'wasm',
    reason: 'the only engine that runs here',
    trusted: [],
  })
  expect(() => chooseEngine([failed, ran('wasm', 30, 1)], [])).toThrow(
    /tensorflow: it is missing; wasm: head and tail differ from the whole by 1/,
  )
})

test('resolveEngine measures once and remembers; another machine or a broken file is measured again', async () => {
  const stateDirectory = await mkdtemp(join(tmpdir(), 'surgeon-engines-'))
  const told: string[] = []
  const options = {
    model: fileURLToPath(new URL('models/activity', repositoryRoot)),
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
  const choice = JSON.parse(await readFile(path, 'utf8')) as EngineChoice
  const times = choice.trials.filter((trial) => trial.kind === 'ran')
  expect(times.length).toBeGreaterThanOrEqual(2)
  expect(choice.engine).toBe(times.toSorted((a, b) => a.wholeMs - b.wholeMs)[0]!.engine)

  // Not the measured one, so that reading it shows.
  const other = engine === 'wasm' ? 'onnxruntime' : 'wasm'
  await writeFile(path, JSON.stringify({ ...choice, engine: other }))
  expect(await resolveEngine('auto', options)).toBe(other)
  // An engine that was not there when this was measured.
  const { environment } = choice
  const poorer = { ...environment, engines: { ...environment.engines, wasm: null } }
  await writeFile(path, JSON.stringify({ ...choice, engine: other, environment: poorer }))
  await resolveEngine('auto', options)
  expect(told.length).toBe(4)
  expect(JSON.parse(await readFile(path, 'utf8'))).toMatchObject({ environment })
  await writeFile(path, 'half of a fi')
  expect(await resolveEngine('auto', options)).not.toBe(other)
  expect(told.length).toBe(6)
})

/** What is there when TensorFlow.js is looked for in that cache directory. */
function environmentWith(cache: string): EngineEnvironment {
  const usual = process.env['XDG_CACHE_HOME']
  process.env['XDG_CACHE_HOME'] = cache
  try {
    return engineEnvironment()
  } finally {
    if (usual === undefined) delete process.env['XDG_CACHE_HOME']
    else process.env['XDG_CACHE_HOME'] = usual
  }
}

function outdated(environment: EngineEnvironment, now: EngineEnvironment): string | undefined {
  return outdatedBecause({ environment }, now)
}

const without = environmentWith('/nowhere')

test('a choice holds for the same engines, program and Node only', () => {
  expect(without.engines.wasm).toMatch(/^\d+\.\d+\.\d+$/)
  expect(without.engines.onnxruntime).toBe(without.engines.wasm)
  expect(without.program).toMatch(/^\d+\.\d+\.\d+$/)
  expect(outdated(without, environmentWith('/nowhere'))).toBeUndefined()
  expect(outdated(without, { ...without, program: '9.9.9' })).toMatch(/version .*, this is 9\.9\.9/)
  expect(outdated(without, { ...without, node: 'v99' })).toMatch(/Node v.*, this is v99/)
})

test('a choice is outdated when TensorFlow.js is set up, renewed or removed', async ({ skip }) => {
  // Found in the checkout first.
  skip(without.engines.tensorflow !== null, '@tensorflow/tfjs-node is installed as a dependency')
  const cache = await mkdtemp(join(tmpdir(), 'surgeon-cache-'))
  // What npm run setup:tensorflow leaves.
  const root = join(cache, 'surgeon', 'tfjs-node')
  const place = join(root, 'node_modules', '@tensorflow', 'tfjs-node')
  await mkdir(join(place, 'lib', 'napi-v8'), { recursive: true })
  await writeFile(join(place, 'package.json'), '{"name":"@tensorflow/tfjs-node","version":"4.22.0"}')
  await writeFile(join(place, 'lib', 'napi-v8', 'tfjs_binding.node'), '')
  await writeFile(join(root, 'stamp'), 'libtensorflow 1\n')
  const setUp = environmentWith(cache)
  expect(outdated(without, setUp)).toBe('engine tensorflow was absent, now it is libtensorflow 1')
  await writeFile(join(root, 'stamp'), 'libtensorflow 2\n')
  expect(outdated(setUp, environmentWith(cache))).toMatch(/was libtensorflow 1, now it is libtensorflow 2/)
  await rm(root, { recursive: true })
  expect(outdated(setUp, environmentWith(cache))).toMatch(/was libtensorflow 1, now it is absent/)
  await rm(cache, { recursive: true })
})

test('an engine whose model cannot be loaded is a reply, not a crash', async () => {
  expect(await runTrial({ model: '/nowhere', engine: 'wasm', threads: 1 })).toEqual({
    kind: 'failed',
    reason: expect.stringContaining('Cannot load model /nowhere') as string,
  })
})

test('an engine that is not done in time is told from one that ends by itself', async () => {
  const setup = { model: 'zoo:vgg19', weights: 'random', engine: 'wasm', threads: 1 } as const
  expect(await runTrial(setup, { limitMs: 1 })).toEqual({
    kind: 'failed',
    reason: 'not done within 0.001 s',
  })
})
