import { beforeEach, expect, test } from 'vitest'
import type { Outcome, RequestRecord } from '../../src/telemetry/request-record.ts'
import { planName, StreamRates } from '../../src/telemetry/stream-rates.ts'

let nowMs = 0
let rates: StreamRates
beforeEach(() => {
  nowMs = 5_000
  rates = new StreamRates(() => nowMs)
})

const answered: Outcome = { kind: 'answered', finishedAt: 'edge' }
const shed: Outcome = { kind: 'refused', code: 'shed', message: '' }
const broken: Outcome = { kind: 'failed', code: 'bad-input', message: '' }

function record(stream: string, wound: string, outcome: Outcome): RequestRecord {
  return {
    id: 'n0',
    stream,
    model: 'm',
    arrivedAt: 0,
    input: { bytes: 1 },
    plan: {
      wound,
      codec: 'received',
      worker: undefined,
      predicted: { edgeMs: 0, remoteDeviationMs: 0, localMs: 1, expectedMs: 1 },
      edgeFactor: 1,
      edgeWaitMs: 0,
    },
    measured: { totalMs: 1, sentBytes: 0 },
    outcome,
  }
}

test('StreamRates tells of each stream what a second brings, and by which plans', () => {
  for (let second = 0; second < 20; second++) {
    for (let n = 0; n < 3; n++) rates.record(record('porch', 'local', answered))
    rates.record(record('porch', 'input', answered))
    for (let n = 0; n < 6; n++) rates.record(record('porch', 'local', shed))
    for (let n = 0; n < 2; n++) rates.record(record('porch', 'local', { kind: 'reused' }))
    if (second % 2 === 0) rates.record(record('yard', 'input', broken))
    nowMs += 1000
  }
  expect(rates.rates).toEqual([
    {
      stream: 'porch',
      arrived: 12,
      answered: 4,
      reused: 2,
      shed: 6,
      failed: 0,
      mix: [
        { plan: 'local', share: 0.75 },
        { plan: 'input / received', share: 0.25 },
      ],
    },
    { stream: 'yard', arrived: 0.5, answered: 0, reused: 0, shed: 0, failed: 0.5, mix: [] },
  ])
})

test('StreamRates counts no second that is not over, and forgets what is old', () => {
  rates.record(record('porch', 'local', answered))
  expect(rates.rates).toEqual([])
  nowMs += 1000
  expect(rates.rates).toMatchObject([{ stream: 'porch', answered: 1 }])
  nowMs += 11_000
  expect(rates.rates).toEqual([])
})

test('StreamRates holds a bounded number of streams, whatever others call theirs', () => {
  for (let n = 0; n < 1000; n++) rates.record(record(`s${n}`, 'local', answered))
  nowMs += 1000
  expect(rates.rates).toHaveLength(64)
})

test('planName() says in which precision all is computed here, where that is not float32', () => {
  expect(planName({ wound: 'local', codec: 'none' })).toBe('local')
  expect(planName({ wound: 'local', codec: 'int8', precision: 'int8' })).toBe('local / int8')
  expect(planName({ wound: 'input', codec: 'raw', precision: 'int8' })).toBe('input / raw')
})
