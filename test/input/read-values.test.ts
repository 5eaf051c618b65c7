import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readValues } from '../../src/input/read-values.ts'
import type { ValuesInput } from '../../src/model-graph/manifest.ts'

const input: ValuesInput = { kind: 'values', shape: [2, 3], names: ['x', 'y', 'z'] }
const json = (value: unknown) => ({ payload: new TextEncoder().encode(JSON.stringify(value)) })
const read = (value: unknown, spec = input) => [...readValues(json(value), spec).data]
const six = [1, 2, 3, 4, 5, 6]

describe('readValues', () => {
  it('reads flat, nested and keyed JSON alike', () => {
    const { names: _, ...nameless } = input
    expect(readValues(json(six), input).shape).toEqual([1, 2, 3])
    for (const value of [
      six,
      [
        [1, 2, 3],
        [4, 5, 6],
      ],
      { x: [1, 4], z: [3, 6], y: [2, 5] },
      [
        { x: 1, y: 2, z: 3 },
        { x: 4, y: 5, z: 6, at: 'noon' },
      ],
    ])
      expect(read(value)).toEqual(six)
    expect(
      read(
        {
          values: [
            [1, 2, 3],
            [4, 5, 6],
          ],
        },
        nameless,
      ),
    ).toEqual(six)
    const payload = json({ sample: { data: six } }).payload
    expect([...readValues({ payload }, input, 'sample.data').data]).toEqual(six)
  })

  it('reads raw numbers of every type, and normalises', () => {
    const spec: ValuesInput = { ...input, mean: [0, 1, 2], scale: 2 }
    const wanted = six.map((value, i) => (value - (i % 3)) / 2)
    for (const [dtype, numbers] of [
      ['float32', Float32Array.from(six)],
      ['float64', Float64Array.from(six)],
      ['int16', Int16Array.from(six)],
      ['int32', Int32Array.from(six)],
      ['uint8', Uint8Array.from(six)],
    ] as const) {
      const payload = new Uint8Array(numbers.buffer)
      expect([...readValues({ payload }, { ...spec, dtype }).data]).toEqual(wanted)
    }
  })

  it('takes raw bytes for what they are, whatever they look like', () => {
    fc.assert(
      fc.property(
        fc.array(fc.float({ noNaN: true, noDefaultInfinity: true }), { minLength: 6, maxLength: 6 }),
        (numbers) => {
          const payload = new Uint8Array(Float32Array.from(numbers).buffer)
          expect([...readValues({ payload }, input).data]).toEqual([...Float32Array.from(numbers)])
        },
      ),
    )
    // 24 bytes that are JSON, and that only the sender can tell from numbers.
    const payload = new TextEncoder().encode('[1,2,3,4,5,6]           ')
    expect([...readValues({ payload }, input).data]).toEqual(six)
    const contentType = 'application/octet-stream'
    expect([...readValues({ payload, contentType }, input).data]).not.toEqual(six)
  })

  it('says what was received and what is wanted', () => {
    const cases: readonly [unknown, RegExp][] = [
      [
        [1, 2],
        /6 numbers \[2, 3\], or objects with x, y, z, or 24 bytes of little-endian float32; it holds 2 numbers/,
      ],
      [[1, 2, 3, 4, 5, null], /at 5 is null/],
      [{ x: [1, 2], y: [1, 2] }, /field z is missing/],
      [{ x: [1, 2], y: [1], z: [1, 2] }, /field y has 1 numbers and x has 2/],
    ]
    for (const [value, message] of cases) expect(() => read(value)).toThrow(message)
    const nan = new Uint8Array(Float32Array.from([1, 2, Number.NaN, 4, 5, 6]).buffer)
    expect(() => readValues({ payload: nan }, input)).toThrow(/value 2 is NaN/)
    expect(() => readValues({ payload: new Uint8Array() }, input)).toThrow(/it is empty/)
    expect(() => readValues({ payload: Uint8Array.of(255, 216, 255, 0) }, input)).toThrow(
      /begins with FF D8 FF 00 \(4 bytes\)/,
    )
  })
})
