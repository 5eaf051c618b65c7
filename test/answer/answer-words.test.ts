import { describe, expect, it } from 'vitest'
import type { AnswerSpec } from '../../src/answer/answer-spec.ts'
import { answerWords, readAnswerWords } from '../../src/answer/answer-words.ts'

describe('answerWords', () => {
  it.each<[AnswerSpec, string]>([
    [{ kind: 'softmax', topK: 5, outputs: [0] }, 'softmax 5'],
    [{ kind: 'logits', topK: 100, outputs: [2] }, 'logits 100 2'],
    [
      { kind: 'classes', topK: 3, outputs: [0], state: [1] },
      '{"kind":"classes","topK":3,"outputs":[0],"state":[1]}',
    ],
    [{ kind: 'text', blank: 0, outputs: [0] }, '{"kind":"text","blank":0,"outputs":[0]}'],
    [{ kind: 'values', outputs: [0, 1] }, '{"kind":"values","outputs":[0,1]}'],
  ])('come back as %j from %s', (spec, words) => {
    expect(answerWords(spec)).toBe(words)
    expect(readAnswerWords(words)).toEqual(spec)
  })

  it('reads classes as JSON, too', () => {
    expect(readAnswerWords('{"kind":"softmax","topK":5,"outputs":[0]}')).toEqual({
      kind: 'softmax',
      topK: 5,
      outputs: [0],
    })
  })

  it.each([
    '',
    'softmax',
    'softmax 0',
    'softmax 101',
    'softmax 5 256',
    'boxes 5',
    'softmax 5 0 0',
    '{"kind":1}',
  ])('refuse %j', (words) => {
    expect(() => readAnswerWords(words)).toThrow(/answer must say how outputs are condensed/)
  })
})
