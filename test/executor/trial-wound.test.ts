import { expect, test } from 'vitest'
import { trialWound } from '../../src/executor/trial-wound.ts'
import { input, kerasTopology, sketchModel } from '../keras-model.ts'

const convolution = { filters: 3, kernel_size: 1 }

test('trialWound() is in the middle, and of other precisions not before what is folded', () => {
  const { graph } = sketchModel(
    kerasTopology([
      input(4, 4, 3),
      ['a', 'Conv2D', convolution, 'in'],
      ['an', 'BatchNormalization', {}, 'a'],
      ['b', 'Conv2D', convolution, 'an'],
      ['bn', 'BatchNormalization', {}, 'b'],
      ['br', 'ReLU', {}, 'bn'],
      ['c', 'Conv2D', convolution, 'br'],
    ]),
  )
  // Of input, a, an, b, bn, br and local; of input, an, br and local.
  expect(trialWound(graph, 'float32').id).toBe('b')
  expect(trialWound(graph, 'fp16').id).toBe('an')
  const alone = sketchModel(kerasTopology([input(4, 4, 3), ['a', 'Conv2D', convolution, 'in']]))
  expect(trialWound(alone.graph, 'fp16').id).toBe('input')
})
