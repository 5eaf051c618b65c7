import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { agentConfigSchema } from '../../agent/config.ts'
import { EdgeRuntime } from '../../agent/edge-runtime.ts'
import { type Calibration, calibrationVersion } from '../../src/codec/calibration-file.ts'
import type { EngineName } from '../../src/executor/engine.ts'
import { loadXnnpack } from '../../src/executor/xnnpack/library.ts'
import { profilePath, readProfile } from '../../src/latency-model/profile-store.ts'
import { loadModel } from '../../src/model-graph/load-model.ts'
import type { Model } from '../../src/model-graph/model.ts'
import { exactRow } from '../calibration/exact-row.ts'
import { noXnnpack, xnnpackWhereInstalled } from '../executor/xnnpack-setup.ts'
import { repositoryRoot } from '../paths.ts'

const source = fileURLToPath(new URL('models/activity', repositoryRoot))
const isInstalled = (await xnnpackWhereInstalled()) !== undefined
let folder: string
let model: Model

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'surgeon-edge-runtime-'))
  model = await loadModel(source)
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** Measured on a thousand pictures of which so many changed their class. */
function calibrated(changed: number, precision = 'int8', architecture: string = process.arch): Calibration {
  const row = {
    ...exactRow('local', precision),
    images: 1000,
    architecture,
    agreement: 1 - changed / 1000,
    agreementLower: 0,
  }
  return { version: calibrationVersion, model: model.hash, images: 20, rows: [row], transforms: [] }
}

function runtime(
  engine: EngineName,
  calibration: Calibration | undefined,
  { logs = [] as unknown[], ...settings }: { logs?: unknown[]; [key: string]: unknown } = {},
): EdgeRuntime {
  const config = agentConfigSchema.parse({
    device: 'pi',
    mqtt: { url: 'mqtt://127.0.0.1:1' },
    model: source,
    stateDirectory: join(folder, engine),
    compiledCache: { bytes: 0 },
    ...settings,
  })
  const log = (_level: string, message: string, fields: object = {}) => void logs.push({ message, ...fields })
  return new EdgeRuntime({ ...config, engine, threads: 1 }, model, { calibration, log })
}

test('EdgeRuntime: int8 needs a measurement on pictures that keeps it within maxAccuracyLoss, and the whole model', () => {
  const usable = (...args: Parameters<typeof runtime>) => runtime(...args).precisions.usable
  expect(usable('xnnpack', undefined)).toEqual([])
  expect(usable('xnnpack', { ...calibrated(0), rows: [] })).toEqual([])
  // At most 1.0 % of a thousand, with 95 % confidence, where 4 changed; 2.8 % where 20 did.
  expect(usable('xnnpack', calibrated(4))).toEqual(['int8'])
  const refused = runtime('xnnpack', calibrated(20))
  expect(refused.precisions.usable).toEqual([])
  expect(refused.excluded).toContainEqual({ name: 'local/int8', limit: 'maxAccuracyLoss' })
  expect(usable('xnnpack', calibrated(20), { maxAccuracyLoss: 0.03 })).toEqual(['int8'])
  const wound = model.graph.layers.at(-2)!.name
  expect(usable('xnnpack', calibrated(4), { wound })).toEqual([])
})

test('EdgeRuntime: what a stored profile has of int8 is believed only where the calibration allows it', async () => {
  const edge = runtime('onnxruntime', undefined, { stateDirectory: join(folder, 'plain') })
  const profile = await edge.start()
  await edge.stop()
  expect(profile.int8).toBeUndefined()
  const rounded = { ...profile, int8: profile.segments }
  expect(edge.permitted(rounded).int8).toBeUndefined()
  expect(runtime('xnnpack', calibrated(20)).permitted(rounded).int8).toBeUndefined()
  expect(runtime('xnnpack', calibrated(4)).permitted(rounded)).toEqual(rounded)
})

test('EdgeRuntime: an engine without int8 says why, once, and computes in float32', async () => {
  const logs: unknown[] = []
  const first = runtime('onnxruntime', calibrated(4), { logs })
  const profile = await first.start()
  await first.stop()
  expect(profile.int8).toEqual([])
  expect(logs).toContainEqual({
    message: 'int8 is left out',
    engine: 'onnxruntime',
    reason: expect.stringContaining('precision of engine onnxruntime must be float32'),
  })
  logs.length = 0
  const second = runtime('onnxruntime', calibrated(4), { logs })
  expect(await second.start()).toEqual(profile)
  await second.stop()
  expect(logs).toEqual([])
})

test('EdgeRuntime: what was calibrated on another architecture is left out with that reason', async () => {
  const logs: unknown[] = []
  const edge = runtime('onnxruntime', calibrated(0, 'fp16', 'another'), {
    logs,
    stateDirectory: join(folder, 'foreign'),
  })
  const profile = await edge.start()
  await edge.stop()
  expect(profile.fp16).toBeUndefined()
  expect(logs).toContainEqual({
    message: 'fp16 is left out',
    engine: 'onnxruntime',
    reason: `it was calibrated on another architecture than this one, ${process.arch}`,
  })
})

test('EdgeRuntime: XNNPACK is tried in int8 in a process of its own, and measured where its library has it', async ({
  skip,
}) => {
  skip(!isInstalled, noXnnpack)
  const isLater = loadXnnpack().roundedTensor !== undefined
  const logs: unknown[] = []
  const edge = runtime('xnnpack', calibrated(4), { logs })
  const profile = await edge.start()
  try {
    const tos = (profile.int8 ?? []).map(({ to }) => to)
    expect(tos).toEqual(isLater ? profile.segments.map(({ to }) => to) : [])
    const reasons = logs.flatMap((entry) => (entry as { reason?: string }).reason ?? [])
    expect(reasons.some((reason) => reason.includes('libxnnpack0.20241108 (Debian 13) or newer'))).toBe(
      !isLater,
    )
    expect(await readProfile(profilePath(join(folder, 'xnnpack'), model.hash, 'xnnpack'))).toEqual(profile)
  } finally {
    await edge.stop()
  }
  const again = runtime('xnnpack', calibrated(4))
  expect(await again.start()).toEqual(profile)
  await again.stop()
})
