import fc from 'fast-check'
import { expect, test } from 'vitest'
import { EventQueue } from '../../../lab/replay/event-queue.ts'

test('events come in order of time, those of one moment as they were pushed, whatever comes between', () => {
  const steps = fc.array(fc.oneof(fc.integer({ min: 0, max: 20 }), fc.constant('pop' as const)))
  fc.assert(
    fc.property(steps, (given) => {
      const queue = new EventQueue<number>()
      let sorted: { atMs: number; event: number }[] = []
      const popped: [number | undefined, number | undefined][] = []
      for (const [event, step] of given.entries()) {
        if (step === 'pop') {
          popped.push([queue.pop()?.event, sorted.shift()?.event])
          continue
        }
        queue.push(step, event)
        sorted = [...sorted, { atMs: step, event }].toSorted((a, b) => a.atMs - b.atMs)
      }
      for (const { event } of sorted) popped.push([queue.pop()?.event, event])
      for (const [actual, expected] of popped) expect(actual).toBe(expected)
      expect(queue.pop()).toBeUndefined()
    }),
  )
})
