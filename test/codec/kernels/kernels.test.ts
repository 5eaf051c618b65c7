import { readFile } from 'node:fs/promises'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Kernels } from '../../../src/codec/kernels/kernel-calls.ts'
import { createKernels } from '../../../src/codec/kernels/kernels.ts'
import { scriptKernels } from '../../../src/codec/kernels/script-kernels.ts'
import { nextState } from '../../../src/codec/klt/trellis.ts'
import { repositoryRoot } from '../../paths.ts'

const kinds = [
  ['WebAssembly', createKernels],
  ['JavaScript', scriptKernels],
] as const

const panel = 8

interface Sizes {
  readonly rows: number
  readonly panels: number
  readonly length: number
}

/** Whole numbers, so that every order of adding gives the same sum. */
function wholeNumber(i: number): number {
  return ((i * 7919) % 31) - 15
}

/** The product of matrices of such numbers, of which the first lies transposed and the second in packed panels. */
function product(kernels: Kernels, { rows, panels, length }: Sizes): Float32Array {
  const [left, right] = [rows * length, panels * panel * length]
  const memory = new Float32Array(kernels.memory)
  for (let i = 0; i < left + right; i++) memory[i] = wholeNumber(i)
  kernels.multiply({
    a: { at: 0, row: 4, column: 4 * rows },
    b: { at: 4 * left, row: 4 * panel, panel: 4 * panel * length },
    c: { at: 4 * (left + right), row: 4 * panel * panels },
    rows,
    panels,
    length,
  })
  return memory.subarray(left + right, left + right + rows * panels * panel)
}

function tripleLoop({ rows, panels, length }: Sizes): number[] {
  const out: number[] = []
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < panels * panel; j++) {
      let sum = 0
      for (let x = 0; x < length; x++) {
        const right = rows * length + (Math.floor(j / panel) * length + x) * panel + (j % panel)
        sum += wholeNumber(x * rows + i) * wholeNumber(right)
      }
      out.push(sum)
    }
  }
  return out
}

/** Codes of values, of which those at every third place are sent, with steps of their own. */
function codes(kernels: Kernels, values: readonly number[], steps: readonly number[]): number[] {
  const count = values.length
  const bytes = 16 * Math.ceil(count / 4)
  const arrays = {
    coefficients: 0,
    places: 3 * bytes,
    inverse: 4 * bytes,
    halves: 5 * bytes,
    codes: 6 * bytes,
    errors: 7 * bytes,
    decisions: 7 * bytes + 4096,
    contexts: 8 * bytes + 4096,
    tables: 9 * bytes + 4096,
    count,
  }
  const coefficients = new Float32Array(kernels.memory, 0, 3 * count)
  for (const [i, value] of values.entries()) coefficients[3 * i + 1] = value * steps[i]!
  new Uint32Array(kernels.memory, arrays.places, count).set(values.map((_, i) => 4 * (3 * i + 1)))
  new Float32Array(kernels.memory, arrays.inverse, count).set(steps.map((step) => 2 / step))
  const largest = kernels.trellis(arrays)
  const most = Math.max(...values.map(Math.abs))
  expect(largest / 2).toBeCloseTo(most, 3)
  const found = [...new Int32Array(kernels.memory, arrays.codes, count)]
  const quantisers = [...new Uint8Array(kernels.memory, arrays.tables, count)]
  let state = 0
  for (const [i, code] of found.entries()) {
    expect(quantisers[i]).toBe(state & 1)
    state = nextState[2 * state + (code & 1)]!
  }
  return found
}

describe('multiply', () => {
  for (const [kind, create] of kinds) {
    it(`is a triple loop's product, in ${kind}`, () => {
      const sizes = fc.record({
        rows: fc.integer({ min: 1, max: 11 }),
        panels: fc.integer({ min: 1, max: 3 }),
        length: fc.integer({ min: 0, max: 9 }),
      })
      fc.assert(
        fc.property(sizes, (some) => {
          expect([...product(create(1 << 14), some)]).toEqual(tripleLoop(some))
        }),
      )
    })
  }
})

describe('combine', () => {
  for (const [kind, create] of kinds) {
    it(`is the product of a matrix that is mostly 0, in ${kind}`, () => {
      const sizes = fc.record({
        rows: fc.integer({ min: 1, max: 7 }),
        panels: fc.integer({ min: 1, max: 9 }),
        length: fc.integer({ min: 1, max: 9 }),
        zeros: fc.integer({ min: 1, max: 5 }),
      })
      fc.assert(
        fc.property(sizes, ({ rows, panels, length, zeros }) => {
          const columns = panels * panel
          const at = { a: 0, b: 4 * rows * length, c: 0, list: 0, counts: 0 }
          at.c = at.b + 4 * length * columns
          at.list = at.c + 4 * rows * columns
          at.counts = at.list + 8 * (rows * length + 1)
          const kernels = create(at.counts + 4 * rows)
          const left = Float32Array.from({ length: rows * length }, (_, i) =>
            i % zeros === 0 ? wholeNumber(i) : 0,
          )
          const right = Float32Array.from({ length: length * columns }, (_, i) => wholeNumber(i + 3))
          const memory = new Float32Array(kernels.memory)
          memory.set(left)
          memory.set(right, at.b / 4)
          kernels.combine({
            a: { at: at.a, row: 4 * length },
            b: { at: at.b, row: 4 * columns },
            c: { at: at.c, row: 4 * columns },
            rows,
            panels,
            length,
            list: at.list,
            counts: at.counts,
          })
          const expected = Array.from({ length: rows * columns }, (_, i) => {
            const [row, column] = [Math.floor(i / columns), i % columns]
            let sum = 0
            for (let x = 0; x < length; x++) sum += left[row * length + x]! * right[x * columns + column]!
            return sum
          })
          expect([...memory.subarray(at.c / 4, at.c / 4 + rows * columns)]).toEqual(expected)
        }),
      )
    })
  }
})

describe('trellis', () => {
  it('gives the same codes in WebAssembly as in JavaScript', () => {
    const value = fc.tuple(
      fc.double({ min: -40, max: 40, noNaN: true }),
      fc.double({ min: 0.01, max: 100, noNaN: true }),
    )
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 300 }), (items) => {
        const values = items.map(([each]) => each)
        const steps = items.map(([, step]) => step)
        const bytes = 4096 + 40 * (items.length + 3)
        expect(codes(createKernels(bytes), values, steps)).toEqual(codes(scriptKernels(bytes), values, steps))
      }),
    )
  })

  it('tells of values that are not finite', () => {
    for (const [, create] of kinds) {
      const kernels = create(8192)
      const arrays = {
        coefficients: 0,
        places: 16,
        inverse: 32,
        halves: 48,
        codes: 64,
        decisions: 80,
        contexts: 96,
        tables: 112,
        errors: 128,
        count: 1,
      }
      new Float32Array(kernels.memory)[arrays.inverse / 4] = 1
      for (const value of [Number.NaN, Infinity, -Infinity]) {
        new Float32Array(kernels.memory)[0] = value
        expect(Number.isFinite(kernels.trellis(arrays))).toBe(false)
        expect(Number.isFinite(kernels.round(arrays))).toBe(false)
      }
    }
  })
})

describe('the bytes that are checked in', () => {
  it('are what the assembler makes of the text', async () => {
    const { assembledKernels } = (await import(
      new URL('scripts/assemble-kernels.mjs', repositoryRoot).href
    )) as { assembledKernels: () => Promise<string> }
    const file = new URL('src/codec/kernels/kernel-bytes.ts', repositoryRoot)
    expect(await readFile(file, 'utf8')).toBe(await assembledKernels())
  })
})
