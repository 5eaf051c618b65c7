import { array, assert as check, constantFrom, double, oneof, property } from 'fast-check'
import { describe, expect, test } from 'vitest'
import { roundOutputs } from '../../src/executor/xnnpack/round-outputs.ts'

function rounded(values: Float32Array, outputs: number) {
  const whole = new Int8Array(values.length)
  const scales = new Float32Array(outputs)
  roundOutputs(values, whole, scales)
  return { whole, scales }
}

describe('roundOutputs', () => {
  const weight = oneof(
    double({ min: -1e3, max: 1e3, noNaN: true }),
    constantFrom(0, -0, 1e-42, 3e-38, -3.4e38),
  )

  test('gives back each weight to half a scale, and as many numbers above 0 as below', () => {
    check(
      property(
        array(array(weight, { minLength: 3, maxLength: 3 }), { minLength: 1, maxLength: 5 }),
        (rows) => {
          const values = Float32Array.from(rows.flat())
          const { whole, scales } = rounded(values, rows.length)
          for (const [i, value] of values.entries()) {
            const scale = scales[Math.floor(i / 3)]!
            // float32 arithmetic has 24 bits.
            expect(Math.abs(whole[i]! * scale - value)).toBeLessThanOrEqual(scale * (0.5 + 2e-5))
            expect(Math.abs(whole[i]!)).toBeLessThanOrEqual(127)
          }
        },
      ),
    )
  })

  test('uses the whole range of each output, and scales that are normal numbers', () => {
    const values = Float32Array.of(1, -4, 2, 0.01, 0.02, -0.04, 0, 0, 0, 1e-44, 0, 0)
    const { whole, scales } = rounded(values, 4)
    expect([...whole]).toEqual([32, -127, 64, 32, 64, -127, 0, 0, 0, 0, 0, 0])
    expect(scales[0]).toBeCloseTo(4 / 127, 7)
    expect(scales[1]).toBeCloseTo(0.04 / 127, 7)
    expect([...scales.subarray(2)]).toEqual([1, 1])
  })
})
