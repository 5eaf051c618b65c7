import { describe, expect, it } from 'vitest'
import { asksForReset, PublisherStates } from '../../agent/publisher-states.ts'
import { deferred } from '../../src/async/deferred.ts'
import type { TensorValue } from '../../src/tensor/tensor-value.ts'

const tensor = {
  id: 1,
  name: 'h',
  shape: [2],
  layout: 'channels-first',
  producer: 1,
  consumers: [2],
} as const
const statesOf = (gapMs: number) => new PublisherStates([{ kind: 'state', tensor, output: 0 }], gapMs)

/** Adds 1 to the state and gives what it was. */
async function count([value]: readonly TensorValue[]) {
  const next = { shape: value!.shape, data: value!.data.map((each) => each + 1) }
  return { result: value!.data[0]!, state: [next] }
}
const at = (atMs: number, reset = false) => ({ atMs, reset })

describe('PublisherStates', () => {
  it('keeps what a sample leaves for the next of the same publisher, from zeros', async () => {
    const states = statesOf(1000)
    const seen = []
    for (const [publisher, atMs] of [
      ['a', 0],
      ['a', 100],
      ['b', 200],
      ['a', 300],
    ] as const)
      seen.push(await states.inTurn(publisher, at(atMs), count))
    expect(seen).toEqual([0, 1, 0, 2])
  })

  it('begins anew after a gap, and where a sample asks for it', async () => {
    const states = statesOf(1000)
    const seen = []
    for (const sample of [at(0), at(1000), at(2001), at(2100), at(2200, true), at(2300)])
      seen.push(await states.inTurn('a', sample, count))
    expect(seen).toEqual([0, 1, 0, 1, 0, 1])
  })

  it('takes samples of one publisher one after the other, and those of others meanwhile', async () => {
    const states = statesOf(1000)
    const first = deferred<void>()
    const order: string[] = []
    const work = (name: string, until: Promise<void>) => async (state: readonly TensorValue[]) => {
      await until
      order.push(`${name} ${state[0]!.data[0]}`)
      return count(state)
    }
    const all = [
      states.inTurn('a', at(0), work('a', first.promise)),
      states.inTurn('a', at(1), work('a', Promise.resolve())),
    ]
    await states.inTurn('b', at(2), work('b', Promise.resolve()))
    first.resolve()
    await Promise.all(all)
    expect(order).toEqual(['b 0', 'a 0', 'a 1'])
  })

  it('leaves the state as it was where a sample fails', async () => {
    const states = statesOf(1000)
    await states.inTurn('a', at(0), count)
    const failing = states.inTurn('a', at(1), () => Promise.reject(new Error('no')))
    await expect(failing).rejects.toThrow('no')
    expect(await states.inTurn('a', at(2), count)).toBe(1)
  })

  it('forgets who has been silent longest where there are too many', async () => {
    const states = statesOf(1e9)
    await states.inTurn('first', at(0), count)
    await states.inTurn('second', at(0), count)
    for (let n = 0; n < 1023; n++) await states.inTurn(`other ${n}`, at(1), count)
    expect(await states.inTurn('second', at(2), count)).toBe(1)
    expect(await states.inTurn('first', at(2), count)).toBe(0)
  })
})

it.each([
  ['{"reset": true, "values": [1]}', true],
  ['{"values": [1], "reset": true}', true],
  ['{"reset": false}', false],
  ['{"reset": 1}', false],
  ['["reset"]', false],
  ['{"reset": true', false],
  ['', false],
])('asksForReset: %s is %s', (text, expected) => {
  expect(asksForReset(Buffer.from(text))).toBe(expected)
})
