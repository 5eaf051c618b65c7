import fc from 'fast-check'
import { expect, test } from 'vitest'
import { scriptKernels } from '../../../src/codec/kernels/script-kernels.ts'
import {
  coefficientCount,
  coefficientPlace,
  mapTransform,
  reachOf,
  sharedTransform,
} from '../../../src/codec/klt/map-transform.ts'
import { forwardTransform, inverseTransform, type TileBasis } from '../../../src/codec/klt/tile-transform.ts'

interface Shape {
  readonly channels: number
  readonly height: number
  readonly width: number
  readonly tiles: number
  readonly dropped: number
  readonly seed: number
}

const shapes: fc.Arbitrary<Shape> = fc.record({
  channels: fc.integer({ min: 1, max: 19 }),
  height: fc.integer({ min: 1, max: 9 }),
  width: fc.integer({ min: 1, max: 9 }),
  tiles: fc.integer({ min: 1, max: 3 }),
  dropped: fc.integer({ min: 0, max: 3 }),
  seed: fc.integer({ min: 1, max: 1e6 }),
})

/** Any bases at all: orthonormality is no business of the products. */
function randomBasis({ channels, height, width, tiles, dropped, seed }: Shape): {
  basis: TileBasis
  map: Float32Array
} {
  let state = seed
  const random = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32 - 0.5
  }
  const numbers = (length: number) => Float32Array.from({ length }, random)
  const [tileHeight, tileWidth] = [Math.ceil(height / tiles), Math.ceil(width / tiles)]
  const kept = Math.max(1, channels - dropped)
  return {
    basis: {
      channels,
      height,
      width,
      tileHeight,
      tileWidth,
      kept,
      mean: numbers(channels),
      basis: numbers(kept * channels),
      spatial: numbers((tileHeight * tileWidth) ** 2),
      emphasis: Int8Array.from(numbers(height * width), (value) => 20 * value),
    },
    map: numbers(channels * height * width),
  }
}

function furthest(a: Float32Array, b: Float32Array): number {
  return a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0)
}

test('the kernels compute what the plain transforms do, with tiles that stick out, and components left out', () => {
  fc.assert(
    fc.property(shapes, (shape) => {
      const { basis, map } = randomBasis(shape)
      const { kept, tileHeight, tileWidth } = basis
      const area = tileHeight * tileWidth
      const transform = sharedTransform(basis)
      const expected = forwardTransform(basis, map)
      const coefficients = transform.forward(map).slice()
      expect(coefficients.length).toBe(coefficientCount(basis))
      const places = [...expected.keys()].map((index) => coefficientPlace(basis, index))
      expect(new Set(places).size).toBe(expected.length)
      for (const [index, place] of places.entries())
        expect(Math.abs(coefficients[place]! - expected[index]!)).toBeLessThan(1e-4)

      const some = Math.ceil(kept / 2)
      const isFirst = (index: number) => Math.floor(index / area) % kept < some
      const wanted = places.filter((_, index) => isFirst(index))
      const first = transform.forward(map, reachOf(basis, wanted))
      for (const place of places) expect([0, coefficients[place]]).toContain(first[place])
      const [alone, plain] = [new Float32Array(coefficients.length), new Float32Array(expected.length)]
      for (const [index, place] of places.entries()) {
        if (!isFirst(index)) continue
        expect(first[place]).toBe(coefficients[place])
        alone[place] = coefficients[place]!
        plain[index] = coefficients[place]!
      }
      const back = transform.inverse(alone, some)
      expect(transform.inverse(alone)).toEqual(back)
      const slow = inverseTransform(basis, plain)
      for (const [i, value] of slow.entries()) expect(Math.abs(back[i]! - value)).toBeLessThan(1e-3)

      const script = mapTransform(basis, scriptKernels)
      expect(furthest(script.forward(map), transform.forward(map))).toBeLessThan(1e-4)
      expect(furthest(script.inverse(alone, some), back)).toBeLessThan(1e-3)
    }),
    { numRuns: 60 },
  )
})
