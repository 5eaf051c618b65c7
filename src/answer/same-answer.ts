import type { AnswerBody } from './answer-reader.ts'
import type { FoundBox } from './present.ts'

/** Boxes that overlap by as much are of the same thing, as detection benchmarks have it. */
const sameOverlap = 0.5
/** Of the largest number of an output. */
const sameShare = 0.05

/**
 * Whether two answers of one model say the same to whoever asked: the same likeliest class, the same things at the same
 * places, the same text, and numbers within a twentieth of the largest. O(boxes^2).
 */
export function isSameAnswer(a: AnswerBody, b: AnswerBody): boolean {
  if ('top' in a && 'top' in b) return a.top[0]?.index === b.top[0]?.index
  if ('boxes' in a && 'boxes' in b) return areSameBoxes(a.boxes, b.boxes)
  if ('text' in a && 'text' in b) return a.text === b.text
  if (!('outputs' in a && 'outputs' in b) || a.outputs.length !== b.outputs.length) return false
  return a.outputs.every(({ values }, i) => areSameNumbers(values, b.outputs[i]!.values))
}

function areSameBoxes(a: readonly FoundBox[], b: readonly FoundBox[]): boolean {
  if (a.length !== b.length) return false
  const left = [...b]
  return a.every((box) => {
    const found = left.findIndex((other) => other.label === box.label && overlap(box, other) >= sameOverlap)
    if (found >= 0) left.splice(found, 1)
    return found >= 0
  })
}

/** Intersection over union. */
function overlap({ box: a }: FoundBox, { box: b }: FoundBox): number {
  const width = Math.min(a[2], b[2]) - Math.max(a[0], b[0])
  const height = Math.min(a[3], b[3]) - Math.max(a[1], b[1])
  if (width <= 0 || height <= 0) return 0
  const area = ([x1, y1, x2, y2]: FoundBox['box']) => (x2 - x1) * (y2 - y1)
  return (width * height) / (area(a) + area(b) - width * height)
}

function areSameNumbers(a: readonly number[], b: readonly number[]): boolean {
  if (a.length !== b.length) return false
  const largest = [...a, ...b].reduce((most, value) => Math.max(most, Math.abs(value)), 0)
  return a.every((value, i) => Math.abs(value - b[i]!) <= sameShare * largest)
}
