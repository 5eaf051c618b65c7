import { expect, test } from 'vitest'
import { condense } from '../../src/answer/condense.ts'
import { presentText } from '../../src/answer/present.ts'

test('text: repetitions are one character, blanks part them', () => {
  const steps = [1, 1, 0, 1, 2, 2, 0, 0, 3]
  const data = new Float32Array(steps.length * 4)
  for (const [i, best] of steps.entries()) data[4 * i + best] = 1
  const rows = condense({ kind: 'text', blank: 0, outputs: [0] }, [{ shape: [1, steps.length, 4], data }])
  expect(presentText(rows, { kind: 'text', alphabet: 'abc', blank: 0 })).toBe('aabc')
})
