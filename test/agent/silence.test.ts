import { expect, test } from 'vitest'
import { Silence } from '../../agent/silence.ts'

function silence() {
  const said: unknown[] = []
  return { said, silence: new Silence((_, __, fields) => said.push(fields)) }
}

test('Silence speaks after five requests in five seconds, once, and begins anew', () => {
  const { said, silence: each } = silence()
  for (let n = 0; n < 5; n++) each.unanswered('w', n * 1000)
  expect(said).toEqual([])
  each.unanswered('w', 5000)
  expect(said).toMatchObject([{ worker: 'w', requests: 6 }])
  for (let n = 0; n < 4; n++) each.unanswered('w', 6000 + n)
  expect(said).toHaveLength(1)
})

test('Silence is broken by any answer, and is of one worker', () => {
  const { said, silence: each } = silence()
  for (let n = 0; n < 100; n++) {
    each.unanswered('w', n * 1000)
    if (n % 4 === 3) each.heard('w')
    each.unanswered(`w${n}`, n * 1000)
  }
  expect(said).toEqual([])
})
