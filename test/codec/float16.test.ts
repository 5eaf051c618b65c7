import { describe, expect, it } from 'vitest'
import { float16Codec } from '../../src/codec/float16.ts'

/** Value of binary16 bits by the definition in IEEE 754, without bit tricks. */
function valueOf(half: number): number {
  const sign = half & 0x8000 ? -1 : 1
  const exponent = (half >> 10) & 31
  const fraction = half & 1023
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15))
}

const positive = Array.from({ length: 0x7c00 }, (_, half) => valueOf(half))
const bytesOf = (halves: readonly number[]) => new Uint8Array(Uint16Array.from(halves).buffer)
function halvesOf(values: readonly number[] | Float32Array<ArrayBuffer>): Uint16Array {
  const data = Float32Array.from(values)
  return new Uint16Array(float16Codec.encode({ shape: [data.length], data }).buffer)
}

describe('float16Codec', () => {
  it('decodes all 63488 finite halves exactly and encodes them back', () => {
    const halves = positive.flatMap((_, half) => [half, half | 0x8000])
    const { data } = float16Codec.decode(bytesOf(halves), [halves.length])
    const wrong = halves.filter((half, i) => !Object.is(data[i], valueOf(half)))
    expect(wrong).toEqual([])
    expect([...halvesOf(data)]).toEqual(halves)
  })

  it('rounds to nearest, ties to even, below, at and above every midpoint', () => {
    const below: number[] = []
    const ties: number[] = []
    const above: number[] = []
    for (let half = 0; half + 1 < positive.length; half++) {
      const tie = (positive[half]! + positive[half + 1]!) / 2
      const step = positive[half + 1]! - positive[half]!
      below.push(tie - step * 2 ** -12)
      ties.push(-tie)
      above.push(tie + step * 2 ** -12)
    }
    expect(halvesOf(below).findIndex((half, i) => half !== i)).toBe(-1)
    expect(halvesOf(above).findIndex((half, i) => half !== i + 1)).toBe(-1)
    expect(halvesOf(ties).findIndex((half, i) => half !== ((i + (i & 1)) | 0x8000))).toBe(-1)
    const smallest = new Uint32Array([1, 0x32ff_ffff, 0x3300_0000, 0x3300_0001])
    expect([...halvesOf(new Float32Array(smallest.buffer))]).toEqual([0, 0, 0, 1])
  })

  it('saturates what is too large and refuses what is not finite on the wire', () => {
    const values = [65504, 65519.99, 65520, 1e30, Number.POSITIVE_INFINITY]
    expect([...halvesOf(values)]).toEqual(values.map(() => 0x7bff))
    expect([...halvesOf(values.map((value) => -value))]).toEqual(values.map(() => 0xfbff))
    for (const half of [0x7c00, 0xfc00, 0x7e00, 0x7c01]) {
      expect(() => float16Codec.decode(bytesOf([half]), [1])).toThrow(RangeError)
    }
  })
})
