import fc from 'fast-check'
import { expect, test } from 'vitest'
import { capacityCurve } from '../../../lab/link-capacity.ts'
import { parseRateSteps, readLinkTrace } from '../../../lab/replay/link-trace.ts'

test('parseRateSteps() reads seconds,mbps with or without names in front', () => {
  const steps = [
    { fromMs: 0, bps: 2e6 },
    { fromMs: 5000, bps: 0 },
    { fromMs: 7500, bps: 8.5e6 },
  ]
  expect(parseRateSteps('0,2\n5,0\n7.5,8.5\n', 't.csv')).toEqual({ steps })
  expect(parseRateSteps('seconds,mbps\r\n3,2\r\n5,0\r\n7.5,8.5', 't.csv')).toEqual({ steps })
})

test('parseRateSteps() names file, line and value of a fault', () => {
  for (const bad of ['5,1', '4,1', '6', '6,', '6,-1', '6,x', '-6,1', '6,1,1', '', '6,Infinity'])
    expect(() => parseRateSteps(`0,1\n5,2\n${bad}\n9,1\n`, 'a/b.csv')).toThrow(
      `a/b.csv: line 3 must be seconds,mbps, both at least 0 and seconds above 5, current value is '${bad}'`,
    )
  expect(() => parseRateSteps('seconds,mbps\n', 'b.csv')).toThrow('b.csv: it must have at least one row')
})

test('readLinkTrace() takes Mbps that never change, and names a file that is not there', async () => {
  expect(await readLinkTrace('2.5')).toEqual({ name: '2.5 Mbps', capacity: 2.5e6, lengthMs: undefined })
  expect((await readLinkTrace('0')).capacity).toBe(0)
  await expect(readLinkTrace('no-such.up')).rejects.toThrow('Cannot read trace no-such.up: it must be a file')
  await expect(readLinkTrace('')).rejects.toThrow('it must be a file or Mbps')
})

const anySteps = fc
  .array(
    fc.tuple(fc.integer({ min: 1, max: 5000 }), fc.oneof(fc.constant(0), fc.integer({ min: 8, max: 1e8 }))),
    {
      minLength: 1,
      maxLength: 8,
    },
  )
  .map((parts) => {
    let atMs = 0
    return parts.map(([lengthMs, bps]) => {
      const step = { fromMs: atMs, bps }
      atMs += lengthMs
      return step
    })
  })

test('steps carry what their rates add up to, and tell when so much has crossed', () => {
  fc.assert(
    fc.property(anySteps, fc.integer({ min: 0, max: 50_000 }), (steps, atMs) => {
      const curve = capacityCurve({ steps })
      const expected = steps.reduce((sum, { fromMs, bps }, i) => {
        const endMs = Math.min(atMs, steps[i + 1]?.fromMs ?? Infinity)
        return sum + Math.max(0, endMs - fromMs) * (bps / 8000)
      }, 0)
      const bytes = curve.bytesBy(atMs)
      expect(bytes).toBeCloseTo(expected, 3)
      const crossedMs = curve.timeOf(bytes)
      expect(crossedMs).toBeLessThanOrEqual(atMs + 1e-3)
      expect(curve.bytesBy(crossedMs)).toBeCloseTo(bytes, 3)
    }),
  )
})

test('capacityCurve() refuses steps that are not in order', () => {
  const step = (fromMs: number, bps = 1) => ({ fromMs, bps })
  expect(() => capacityCurve({ steps: [step(1)] })).toThrow('step 0 of capacity')
  expect(() => capacityCurve({ steps: [step(0), step(0)] })).toThrow('step 1 of capacity')
  expect(() => capacityCurve({ steps: [step(0, -1)] })).toThrow('step 0 of capacity')
  expect(() => capacityCurve({ steps: [] })).toThrow('at least one step')
})
