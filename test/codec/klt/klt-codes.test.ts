import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { frequencyTables } from '../../../src/codec/entropy/frequency-tables.ts'
import { decodeCodes, encodeCodes, largestCode } from '../../../src/codec/klt/klt-codes.ts'
import { kltSymbols } from '../../../src/codec/klt/klt-parameters.ts'
import { nextState } from '../../../src/codec/klt/trellis.ts'

const contextCount = 5
/** Of each context and quantiser another model: two-sided exponentials. */
const tables = frequencyTables(
  Array.from({ length: 2 * contextCount * kltSymbols }, (_, i) =>
    Math.max(1, Math.floor(4000 / (1 + Math.abs((i % kltSymbols) - 16)) ** (1 + (i >> 5) / 4))),
  ),
  kltSymbols,
)

describe('klt codes', () => {
  it('come back exactly: small ones, those with raw bits, escapes', () => {
    const code = fc.oneof(
      { weight: 6, arbitrary: fc.integer({ min: -3, max: 3 }) },
      { weight: 2, arbitrary: fc.integer({ min: -200, max: 200 }) },
      { weight: 1, arbitrary: fc.integer({ min: -largestCode, max: largestCode }) },
    )
    const item = fc.tuple(code, fc.nat(contextCount - 1), fc.nat(5))
    fc.assert(
      fc.property(fc.array(item, { maxLength: 400 }), (items) => {
        const models = {
          contexts: Uint8Array.from(items, ([, context]) => context),
          shifts: Uint8Array.from(items, ([, , shift]) => shift),
          next: nextState,
        }
        const codes = Int32Array.from(items, ([value]) => value)
        const bytes = encodeCodes(codes, models, tables)
        expect(decodeCodes(bytes, models, tables)).toEqual(codes)
        expect(() => decodeCodes(bytes.subarray(0, -1), models, tables)).toThrow(RangeError)
      }),
      { numRuns: 300 },
    )
  })

  it('have the bytes that are written down', () => {
    const codes = Int32Array.of(0, 1, -1, 2, 0, 0, -3, 7, 0, 40, -2, 1, 0, -500, 0, 3)
    const models = {
      contexts: codes.map((_, i) => i % contextCount),
      shifts: codes.map((code) => (Math.abs(code) > 10 ? 2 : 0)),
    }
    const coded = {
      contexts: Uint8Array.from(models.contexts),
      shifts: Uint8Array.from(models.shifts),
      next: nextState,
    }
    expect(Buffer.from(encodeCodes(codes, coded, tables)).toString('hex')).toBe(
      '0300003f29010002ac000012917f0b0ff80cfb30f803',
    )
  })
})
