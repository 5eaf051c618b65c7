import { expect, test } from 'vitest'
import { type Finished, measureTail, resultCodec } from '../../backend/measure-tails.ts'
import { featureCodec } from '../../src/codec/feature-codecs.ts'

/** A call that takes `ms` and answers each request with a number. */
function finished(answers: readonly number[], ms: number): Finished[] {
  const codec = featureCodec(resultCodec)
  return answers.map((answer) => {
    const value = { shape: [1, 1], data: Float32Array.of(answer) }
    return {
      codec: resultCodec,
      encoded: [{ shape: value.shape, bytes: codec.encode(value) }],
      elapsedMs: ms,
      shareMs: ms / answers.length,
    }
  })
}

const examples = [1, 2, 3]

test('measureTail: a model that computes each member as alone is measured together', async () => {
  const finish = (inputs: readonly number[]) => Promise.resolve(finished(inputs, 4 + inputs.length))
  expect(await measureTail(examples, finish)).toEqual({ aloneMs: 5, togetherMs: 7 })
})

test.each([
  [
    'refuses several',
    (inputs: readonly number[]) =>
      inputs.length > 1
        ? Promise.reject(new Error('Got: 3 Expected: 1'))
        : Promise.resolve(finished(inputs, 5)),
  ],
  [
    'computes over the batch',
    (inputs: readonly number[]) => {
      const mean = inputs.reduce((sum, input) => sum + input, 0) / inputs.length
      return Promise.resolve(
        finished(
          inputs.map(() => mean),
          5,
        ),
      )
    },
  ],
])('measureTail: a model that %s is only run alone', async (_, finish) => {
  expect(await measureTail(examples, finish)).toEqual({ aloneMs: 5 })
})

test('measureTail: with one example nothing is tried together', async () => {
  const sizes: number[] = []
  const finish = (inputs: readonly number[]) => {
    sizes.push(inputs.length)
    return Promise.resolve(finished(inputs, 5))
  }
  expect(await measureTail([1], finish)).toEqual({ aloneMs: 5 })
  expect(Math.max(...sizes)).toBe(1)
})

test('measureTail: what cannot be finished alone is an error', async () => {
  await expect(measureTail(examples, () => Promise.reject(new Error('broken')))).rejects.toThrow('broken')
})
