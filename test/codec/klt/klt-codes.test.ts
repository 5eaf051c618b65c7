import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { frequencyTables } from '../../../src/codec/entropy/frequency-tables.ts'
import { scriptKernels } from '../../../src/codec/kernels/script-kernels.ts'
import type { Effort } from '../../../src/codec/klt/coefficients.ts'
import { codesReader, codesWriter, largestCode, type PlacedModels } from '../../../src/codec/klt/klt-codes.ts'
import { kltModels, kltSymbols } from '../../../src/codec/klt/klt-parameters.ts'

const most = 400
/** Of each context and quantiser another model: two-sided exponentials. */
const tables = frequencyTables(
  Array.from({ length: 2 * kltModels * kltSymbols }, (_, i) =>
    Math.max(1, Math.floor(4000 / (1 + Math.abs((i % kltSymbols) - 16)) ** (1 + ((i >> 5) % 10) / 4))),
  ),
  kltSymbols,
)
const map = { tables, most, values: 2 * most }
const [write, read] = [codesWriter(map), codesReader(map)]
const [slowWrite, slowRead] = [codesWriter(map, scriptKernels), codesReader(map, scriptKernels)]

interface Coefficient {
  readonly steps: number
  readonly step: number
  readonly context: number
  readonly shift: number
}

/** Coefficients at every other place, the last first. */
function placed(
  items: readonly Coefficient[],
  effort: Effort,
): { values: Float32Array; models: PlacedModels } {
  const at = (i: number) => 2 * (items.length - 1 - i) + 1
  const values = new Float32Array(map.values)
  for (const [i, { steps, step }] of items.entries()) values[at(i)] = steps * step
  const models = {
    contexts: Uint8Array.from(items, ({ context }) => context),
    shifts: Uint8Array.from(items, ({ shift }) => shift),
    steps: Float32Array.from(items, ({ step }) => step),
    places: Uint32Array.from(items, (_, i) => 4 * at(i)),
    effort,
  }
  return { values, models }
}

const coefficient = fc.record({
  steps: fc.oneof(
    { weight: 6, arbitrary: fc.double({ min: -3, max: 3, noNaN: true }) },
    { weight: 2, arbitrary: fc.double({ min: -200, max: 200, noNaN: true }) },
    { weight: 1, arbitrary: fc.double({ min: 2 - largestCode, max: largestCode - 2, noNaN: true }) },
  ),
  step: fc.constantFrom(0.25, 1, 8),
  context: fc.nat(kltModels - 1),
  shift: fc.nat(5),
})

describe('klt codes', () => {
  for (const effort of ['trellis', 'fast'] as const) {
    it(`come back within a step, small ones, those with raw bits, escapes, by either kernels: ${effort}`, () => {
      fc.assert(
        fc.property(fc.array(coefficient, { maxLength: most }), (items) => {
          const { values, models } = placed(items, effort)
          const bytes = write(values, models, 3)
          expect(bytes).toEqual(slowWrite(values, models, 3))
          const back = read(bytes.subarray(3), models).slice()
          expect(slowRead(bytes.subarray(3), models)).toEqual(back)
          const most = effort === 'fast' ? 0.51 : 1.51
          const errors = back.map((value, i) => {
            const step = items[items.length - 1 - (i >> 1)]?.step ?? 1
            return i % 2 === 0 ? Math.abs(value) : Math.abs(value - values[i]!) / step / most
          })
          expect(Math.max(...errors)).toBeLessThanOrEqual(1)
          expect(errors.every((error, i) => i % 2 === 1 || error === 0)).toBe(true)
          for (const reader of [read, slowRead])
            expect(() => reader(bytes.subarray(3, -1), models)).toThrow(RangeError)
        }),
        { numRuns: 150 },
      )
    })
  }

  it('have the bytes that are written down', () => {
    const codes = [0, 1, -1, 2, 0, 0, -3, 7, 0, 40, -2, 1, 0, -500, 0, 3]
    const items = codes.map((steps, i) => ({
      steps,
      step: 1,
      context: i % 5,
      shift: Math.abs(steps) > 10 ? 2 : 0,
    }))
    const hex = (['trellis', 'fast'] as const).map((effort) => {
      const { values, models } = placed(items, effort)
      return Buffer.from(write(values, models, 0)).toString('hex')
    })
    expect(hex).toEqual([
      '03000072b70100252c0100c2aaef713ffa600131f803',
      '0300003e39010044bbad34e4016ff8600130f803',
    ])
  })

  it('refuse what is longer than any encoding', () => {
    const { models } = placed([{ steps: 1, step: 1, context: 0, shift: 0 }], 'fast')
    expect(() => read(new Uint8Array(10 * most), models)).toThrow(/damaged/)
  })

  it('are refused where their raw bits are longer than the length says, and come back just below', () => {
    // An escape has two bytes of them, and the length three.
    const most = 2 ** 23
    const escapes = (count: number): PlacedModels => ({
      contexts: new Uint8Array(count),
      shifts: new Uint8Array(count),
      steps: new Float32Array(count).fill(1),
      places: Uint32Array.from({ length: count }, (_, i) => 4 * i),
      effort: 'fast',
    })
    const large = { tables, most, values: most }
    const writeMany = codesWriter(large)
    const values = new Float32Array(most).fill(-30_000)
    expect(() => writeMany(values, escapes(most), 0)).toThrow(
      'raw bits must fit into 24 bits of length, current value is 16777216 bytes',
    )
    const fitting = escapes(most - 1)
    const bytes = writeMany(values, fitting, 0)
    expect([...bytes.subarray(0, 3)]).toEqual([0xfe, 0xff, 0xff])
    const back = codesReader(large)(bytes, fitting)
    expect(back.subarray(0, most - 1).every((value) => value === -30_000)).toBe(true)
  })
})
