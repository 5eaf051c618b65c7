import { expect, test } from 'vitest'
import { publishedResult, RequestIds } from '../../agent/published-result.ts'

const idOf = (bytes: Uint8Array | undefined) =>
  new RequestIds(0).idOf(bytes === undefined ? {} : { correlationData: bytes })

test('RequestIds gives back what the sender wrote', () => {
  expect(idOf(Buffer.from('front-0'))).toBe('front-0')
  expect(idOf(Buffer.from('Hoftür 7'))).toBe('Hoftür 7')
})

test('RequestIds writes in hex what is no text', () => {
  expect(idOf(Uint8Array.of(0, 1, 255))).toBe('0001ff')
  expect(idOf(Buffer.from('a\nb'))).toBe('610a62')
  expect(idOf(Buffer.alloc(300, 'a'))).toBe('61'.repeat(300))
  expect(idOf(Uint8Array.of())).toBe('')
})

test('RequestIds numbers what has no name, and never the same after a restart', () => {
  const [before, after] = [new RequestIds(1_800_000_000_000), new RequestIds(1_800_000_000_001)]
  const ids = [before.idOf({}), before.idOf({}), after.idOf({})]
  expect(new Set(ids).size).toBe(3)
})

test('publishedResult says when and by whom, with digits that mean something', () => {
  const text = publishedResult(
    {
      ok: true,
      id: 'n0',
      model: 'm',
      top: [{ label: 'espresso', index: 967, probability: 0.9145422577857971 }],
      outputs: [{ name: 'y', shape: [1], values: [0.123456789] }],
      plan: {
        wound: 'local',
        codec: 'none',
        worker: undefined,
        predictedMs: 15.900943497685816,
        uplinkBps: 13336395.908176413,
      },
      finishedAt: 'edge',
      bytes: 0,
      totalMs: 30.76419899999746,
      headMs: 10.595639999984996,
      encodeMs: 0,
      backendMs: undefined,
    },
    'pi-1',
    1_800_000_000_000,
  )
  expect(JSON.parse(text)).toEqual({
    ok: true,
    device: 'pi-1',
    ts: 1_800_000_000_000,
    id: 'n0',
    model: 'm',
    top: [{ label: 'espresso', index: 967, probability: 0.9145 }],
    // The model's own numbers are as they are.
    outputs: [{ name: 'y', shape: [1], values: [0.123456789] }],
    plan: { wound: 'local', codec: 'none', predictedMs: 15.9, uplinkBps: 13336396 },
    finishedAt: 'edge',
    bytes: 0,
    totalMs: 30.8,
    headMs: 10.6,
    encodeMs: 0,
  })
})
