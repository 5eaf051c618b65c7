import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { nextState, trellisCodes, trellisStates, trellisValue } from '../../../src/codec/klt/trellis.ts'

/** Squared error of a path of codes from state 0. */
function pathError(values: readonly number[], codes: readonly number[]): number {
  let state = 0
  let error = 0
  for (const [i, code] of codes.entries()) {
    error += (values[i]! - trellisValue(code, state & 1)) ** 2
    state = nextState[2 * state + (code & 1)]!
  }
  return error
}

/** Least error of all paths, all codes within 3 steps of each value tried. */
function leastError(values: readonly number[], state = 0, at = 0): number {
  if (at === values.length) return 0
  let least = Infinity
  for (let code = Math.floor(values[at]!) - 2; code <= Math.ceil(values[at]!) + 2; code++) {
    const own = (values[at]! - trellisValue(code, state & 1)) ** 2
    if (own < least)
      least = Math.min(least, own + leastError(values, nextState[2 * state + (code & 1)], at + 1))
  }
  return least
}

describe('trellis', () => {
  it('has two ways into each state, by either parity, and is the published code', () => {
    expect([...nextState]).toEqual([0, 2, 5, 7, 1, 3, 4, 6, 2, 0, 7, 5, 3, 1, 6, 4])
    const arrivals = new Uint8Array(trellisStates)
    for (const state of nextState) arrivals[state]!++
    expect(arrivals.every((count) => count === 2)).toBe(true)
  })
})

describe('trellisCodes', () => {
  it('finds the path of least error: as trying all of them does', () => {
    const values = fc.array(fc.double({ min: -3, max: 3, noNaN: true }), { minLength: 1, maxLength: 5 })
    fc.assert(
      fc.property(values, (list) => {
        const codes = [...trellisCodes(Float64Array.from(list))]
        expect(pathError(list, codes)).toBeCloseTo(leastError(list), 9)
      }),
      { numRuns: 150 },
    )
  })

  it('errs less than rounding to whole steps, by about 1 dB or more', () => {
    let state = 1
    const values = Float64Array.from({ length: 20_000 }, () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
      return 40 * (state / 2 ** 32 - 0.5)
    })
    const error = pathError([...values], [...trellisCodes(values)]) / values.length
    expect(error).toBeLessThan(10 ** -0.09 / 12)
  })
})
