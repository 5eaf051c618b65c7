import { expect, test } from 'vitest'
import { condense } from '../../src/answer/condense.ts'

const scores = (kind: 'softmax' | 'logits' | 'classes', values: readonly number[]) => {
  const data = Float32Array.from(values)
  return [...condense({ kind, topK: 2, outputs: [0] }, [{ shape: [1, values.length], data }]).data]
}

test('classes: softmax is applied to what is no distribution alone', () => {
  const distribution = [0.125, 0.625, 0.25]
  expect(scores('classes', distribution)).toEqual([1, 0.625, 2, 0.25])
  expect(scores('softmax', distribution)).toEqual([1, 0.625, 2, 0.25])
  const [first, probability, , second] = scores('classes', [300, 301, 0])
  expect(first).toBe(1)
  expect(probability).toBeCloseTo(1 / (1 + Math.exp(-1)), 6)
  expect(probability! + second!).toBeCloseTo(1, 6)
  expect(scores('logits', distribution)[1]).toBeLessThan(0.5)
})
