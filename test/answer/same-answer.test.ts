import { expect, test } from 'vitest'
import type { AnswerBody } from '../../src/answer/answer-reader.ts'
import { confidenceOf } from '../../src/answer/confidence.ts'
import type { FoundBox } from '../../src/answer/present.ts'
import { isSameAnswer } from '../../src/answer/same-answer.ts'

const classes = (...indices: number[]): AnswerBody => ({
  top: indices.map((index) => ({ label: `${index}`, index, probability: 0.5 })),
})
const box = (label: string, x: number, score = 0.9): FoundBox => ({
  label,
  score,
  box: [x, 0, x + 10, 10],
})
const outputs = (...values: number[]): AnswerBody => ({
  outputs: [{ name: 'y', shape: [values.length], values }],
})

test('isSameAnswer() compares the likeliest class, whatever comes after it', () => {
  expect(isSameAnswer(classes(1, 2), classes(1, 3))).toBe(true)
  expect(isSameAnswer(classes(1, 2), classes(2, 1))).toBe(false)
})

test('isSameAnswer() takes boxes in any order, moved a little, each once', () => {
  const two = { boxes: [box('cat', 0), box('dog', 50)] }
  expect(isSameAnswer(two, { boxes: [box('dog', 52), box('cat', 1)] })).toBe(true)
  expect(isSameAnswer(two, { boxes: [box('dog', 50), box('cat', 8)] })).toBe(false)
  expect(isSameAnswer(two, { boxes: [box('cat', 0), box('cat', 50)] })).toBe(false)
  expect(isSameAnswer({ boxes: [box('cat', 0), box('cat', 0)] }, { boxes: [box('cat', 0)] })).toBe(false)
})

test('isSameAnswer() wants text equal and numbers within a twentieth of the largest', () => {
  expect(isSameAnswer({ text: 'AB 1' }, { text: 'AB 1' })).toBe(true)
  expect(isSameAnswer({ text: 'AB 1' }, { text: 'AB 7' })).toBe(false)
  expect(isSameAnswer(outputs(100, 1), outputs(96, 5))).toBe(true)
  expect(isSameAnswer(outputs(100, 1), outputs(94, 1))).toBe(false)
  expect(isSameAnswer(outputs(1), classes(1))).toBe(false)
})

test('confidenceOf() is that of the likeliest class or the worst box, and none of other answers', () => {
  expect(confidenceOf(classes(1))).toBe(0.5)
  expect(confidenceOf({ boxes: [box('cat', 0, 0.9), box('dog', 0, 0.4)] })).toBe(0.4)
  expect(confidenceOf({ boxes: [] })).toBe(1)
  expect(confidenceOf({ text: 'AB' })).toBeUndefined()
})
