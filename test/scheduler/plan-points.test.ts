import { fileURLToPath } from 'node:url'
import { beforeAll, expect, test } from 'vitest'
import { segmentChain } from '../../src/executor/segment-chain.ts'
import { loadModel } from '../../src/model-graph/load-model.ts'
import { plannedWounds } from '../../src/scheduler/candidate-wounds.ts'
import type { PlanPoint } from '../../src/scheduler/plan-point.ts'
import { expectInputs, type PlanSpace, planPoints } from '../../src/scheduler/plan-points.ts'
import { repositoryRoot } from '../paths.ts'

let space: PlanSpace

beforeAll(async () => {
  const { graph, hash } = await loadModel(fileURLToPath(new URL('models/mobilenetv2', repositoryRoot)))
  const chain = segmentChain(graph, plannedWounds(graph))
  space = {
    graph,
    chain,
    profile: {
      version: 2,
      modelHash: hash,
      engine: 'onnxruntime',
      threads: 1,
      slowdown: 1,
      machine: 'test',
      measuredAt: '2026-01-01T00:00:00.000Z',
      // One millisecond for a million operations.
      segments: chain.segments.map(({ operations }, i) => ({
        from: chain.wounds[i]!.id,
        to: chain.wounds[i + 1]!.id,
        operations,
        medianMs: operations / 1e6,
        madMs: 0,
        runs: 1,
      })),
      codecs: [{ wound: 'block_6_project_BN', codec: 'uint8', encodeMs: 3, bytes: 5000 }],
    },
    inputMs: 7,
    codecs: new Map(
      chain.wounds.slice(1, -1).map(({ id }) => [
        id,
        [
          { codec: 'uint8', bytes: undefined },
          { codec: 'float16', bytes: undefined },
        ],
      ]),
    ),
    inputs: new Map([['received', { bytes: 30_000, encodeMs: 0 }]]),
  }
})

test('planPoints() has every wound with every codec; head, tail and input time add up to the whole', () => {
  const points = planPoints(space, new Map([['input', 10]]))
  expect(points.map(({ wound, codec }) => `${wound}/${codec}`)).toEqual([
    'input/received',
    'block_6_project_BN/uint8',
    'block_6_project_BN/float16',
    'block_13_project_BN/uint8',
    'block_13_project_BN/float16',
    'global_average_pooling2d_1/uint8',
    'global_average_pooling2d_1/float16',
  ])
  const whole = space.profile.segments.reduce((sum, { medianMs }) => sum + medianMs, 0)
  for (const { headMs, localTailMs, inputMs } of points) {
    expect(headMs + localTailMs).toBeCloseTo(whole)
    expect(inputMs).toBe(7)
  }
})

test('planPoints() uses measured bytes and encoding time, else what the codec expects', () => {
  const points = planPoints(space, new Map([['input', 10]]))
  const find = (wound: string, codec: string) =>
    points.find((point) => point.wound === wound && point.codec === codec)!
  expect(find('block_6_project_BN', 'uint8')).toMatchObject({ encodeMs: 3, bytes: 5120 })
  expect(find('block_13_project_BN', 'float16').bytes).toBe(2 * 7 * 7 * 160 + 120)
  expect(find('input', 'received').bytes).toBe(30_120)
})

test('planPoints() knows what calibration says of decoding, apart from the tail', () => {
  const codecs = new Map([['block_6_project_BN', [{ codec: 'klt:8', bytes: 3000, decodeMs: 40 }]]])
  const [, point] = planPoints({ ...space, codecs }, new Map([['block_6_project_BN', 5]]))
  expect(point).toMatchObject({ codec: 'klt:8', bytes: 3120, backendDecodeMs: 40, backendTailMs: 5 })
})

test('planPoints() predicts the tails that a worker has not measured from those it has', () => {
  const [input, ...rest] = planPoints(space, new Map([['input', 10]]))
  expect(input!.backendTailMs).toBe(10)
  const total = space.chain.segments.reduce((sum, { operations }) => sum + operations, 0)
  const tail = total - space.chain.segments[0]!.operations
  expect(rest[0]!.backendTailMs).toBeCloseTo((10 * tail) / total)
  expect(planPoints(space, new Map())).toEqual([])
})

test('raw input: its bytes are known, it waits for the pixels, and spares the worker the picture', () => {
  const options = ['received', 'raw', 'jpeg:90', 'webp:50'].map((codec) => ({ codec, bytes: undefined }))
  const observed = new Map([
    ['jpeg:90', { bytes: 17_000, encodeMs: 2 }],
    ['received', { bytes: 1, encodeMs: 9 }],
  ])
  const inputs = expectInputs(space.graph, options, { bytes: 30_000, decodeMs: 4 }, observed)
  expect([...inputs]).toEqual([
    ['received', { bytes: 30_000, encodeMs: 0 }],
    ['raw', { bytes: 150_528, encodeMs: 4 }],
    ['jpeg:90', { bytes: 17_000, encodeMs: 2 }],
    ['webp:50', { bytes: 30_000, encodeMs: 0 }],
  ])
  const points = planPoints({ ...space, inputs }, new Map([['input', 10]]), 6)
  const times = ({ codec, sendMs, backendDecode, backendDecodeMs, backendTailMs }: PlanPoint) => [
    codec,
    sendMs,
    backendDecode,
    backendDecodeMs,
    backendTailMs,
  ]
  expect(points.slice(0, 3).map(times)).toEqual([
    ['received', 0, 'picture', 6, 4],
    ['raw', 4, 'none', 0, 4],
    ['jpeg:90', 2, 'picture', 6, 4],
  ])
  // What was made to be sent is there for the edge's own tail as well.
  expect(points.slice(0, 3).map(({ inputMs }) => inputMs)).toEqual([7, 0, 7])
})

test('planPoints() takes encoding and bytes from the profile of that wound and that codec alone', () => {
  const byPlan = (points: readonly PlanPoint[]) =>
    new Map(points.map((point) => [`${point.wound}/${point.codec}`, point]))
  const plans = byPlan(planPoints(space, new Map([['input', 10]])))
  expect(plans.get('block_6_project_BN/uint8')).toMatchObject({ encodeMs: 3, bytes: 5120 })
  expect(plans.get('block_6_project_BN/float16')!.encodeMs).toBe(0)
  expect(plans.get('block_13_project_BN/uint8')!.encodeMs).toBe(0)
})

test('planPoints() expects the outputs back as float16, or the answer that was asked for', () => {
  const back = (answerBytes?: number) =>
    new Set(planPoints({ ...space, answerBytes }, new Map([['input', 10]])).map((point) => point.resultBytes))
  // A thousand classes.
  expect(back()).toEqual(new Set([120 + 2000]))
  expect(back(60)).toEqual(new Set([120 + 60]))
})

test('expectInputs() tells what a sensor sends by the codec of its numbers', () => {
  const inputs = expectInputs(space.graph, [{ codec: 'float32', bytes: undefined }], {
    bytes: 9,
    decodeMs: 1,
  })
  expect([...inputs]).toEqual([['float32', { bytes: 4 * 224 * 224 * 3, encodeMs: 0 }]])
})
