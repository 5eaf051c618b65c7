import type { AnswerBody } from './answer-reader.ts'

/** Of an answer, what says how sure its model is. */
export interface Scored {
  readonly top?: readonly { readonly probability: number }[]
  readonly boxes?: readonly { readonly score: number }[]
}

/**
 * How sure a model is of its answer, 0 to 1: of a classifier the probability of the likeliest class, of a detector the
 * score of its worst box, and 1 without boxes. Undefined where the answer does not say.
 */
export function confidenceOf(answer: AnswerBody | Scored): number | undefined {
  const top = 'top' in answer ? answer.top : undefined
  const boxes = 'boxes' in answer ? answer.boxes : undefined
  if (top !== undefined) return top[0]?.probability ?? 0
  return boxes?.reduce((worst, { score }) => Math.min(worst, score), 1)
}
