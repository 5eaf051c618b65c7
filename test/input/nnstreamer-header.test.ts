import { describe, expect, it } from 'vitest'
import { withoutNnstreamerHeader } from '../../src/input/nnstreamer-header.ts'
import { readValues } from '../../src/input/read-values.ts'

/** As mqttsink writes it. */
function message(blocks: readonly Uint8Array[], caps: string): Uint8Array {
  const header = Buffer.alloc(1024)
  header.writeUInt32LE(blocks.length, 0)
  for (const [i, block] of blocks.entries()) header.writeBigUInt64LE(BigInt(block.length), 8 + 8 * i)
  header.write(caps, 176)
  return Buffer.concat([header, ...blocks])
}

const tensors = 'other/tensors, format=(string)static, num_tensors=(int)1, types=(string)float32'
const numbers = (...values: number[]) => new Uint8Array(Float32Array.from(values).buffer)

describe('withoutNnstreamerHeader', () => {
  it("gives a tensor's numbers, also where they look like JSON", () => {
    const payload = message([numbers(1, 2, 3, 4)], tensors)
    const value = readValues(withoutNnstreamerHeader({ payload }), { shape: [2, 2] })
    expect([...value.data]).toEqual([1, 2, 3, 4])
    const digits = message([Buffer.from('[1,2,3,4       ]')], tensors)
    expect(withoutNnstreamerHeader({ payload: digits }).contentType).toBe('application/octet-stream')
  })

  it('gives several blocks as they follow each other, and a picture as what it is', () => {
    const two = withoutNnstreamerHeader({ payload: message([numbers(1), numbers(2, 3)], tensors) })
    expect([...two.payload]).toEqual([...numbers(1, 2, 3)])
    const jpeg = Uint8Array.of(0xff, 0xd8, 0xff, 0xe0)
    const picture = withoutNnstreamerHeader({ payload: message([jpeg], 'image/jpeg, width=(int)8') })
    expect(picture).toEqual({ payload: Buffer.from(jpeg), contentType: undefined })
  })

  it.each<[string, Uint8Array, RegExp]>([
    ['what is shorter', new Uint8Array(1023), /it has 1023 bytes/],
    ['no blocks', message([], tensors), /it names 0 blocks/],
    ['more blocks than there can be', message(Array(17).fill(numbers(1)), tensors), /it names 17 blocks/],
    ['a block that ends early', message([numbers(1, 2)], tensors).subarray(0, 1028), /8 bytes .*, 4 follow/],
    ['flexible tensors', message([numbers(1)], tensors.replace('static', 'flexible')), /flexible: give them/],
  ])('refuses %s', (_, payload, expected) => {
    expect(() => withoutNnstreamerHeader({ payload })).toThrow(expected)
  })
})
