import { expect, test } from 'vitest'
import { settled } from '../../lab/replay/virtual-clock.ts'
import { Desk, Engine, picture } from './serving-desk.ts'

test('Serving: no model waits for another', async () => {
  const [one, two] = [new Engine('m'), new Engine('n')]
  const desk = new Desk([one, two])
  await desk.ask('a')
  await desk.ask('b', { model: 'n' })
  expect([one.calls.length, two.calls.length]).toEqual([1, 1])
  two.calls[0]!.end.resolve()
  await settled()
  expect(desk.outcomes).toEqual({ b: 'result' })
})

test('Serving: the engine has its next call before the last one is answered', async () => {
  const engine = new Engine('m')
  const desk = new Desk([engine])
  const begun: number[] = []
  const reply = () => begun.push(engine.calls.length)
  await desk.ask('a', {}, 'pi', reply)
  await desk.ask('b')
  engine.calls[0]!.end.resolve()
  await settled()
  expect(begun).toEqual([2])
})

test('Serving: pictures are decoded while another request is computed', async () => {
  const engine = new Engine('m')
  const desk = new Desk([engine])
  const image = { wound: 'input', codec: 'received' }
  for (const key of ['a', 'b', 'c', 'd']) await desk.ask(key, image)
  // Two at once, whatever waits.
  expect(engine.decoding.length).toBe(2)
  engine.decoding[0]!.resolve()
  await settled()
  expect(engine.calls.length).toBe(1)
  expect(engine.decoding.length).toBe(3)
  for (const decoded of engine.decoding) decoded.resolve()
  await settled()
  expect(engine.decoding.length).toBe(4)
  expect(engine.calls.length).toBe(1)
  engine.calls[0]!.end.resolve()
  await settled()
  expect(engine.calls.length).toBe(2)
})

test('Serving: a request is not computed once it is given up, and its call ends where nobody else is in it', async () => {
  const engine = new Engine('m')
  const desk = new Desk([engine])
  for (const key of ['a', 'b', 'c']) await desk.ask(key)
  desk.serving.cancel('b')
  desk.serving.cancel('a')
  expect(engine.calls[0]!.signal.aborted).toBe(true)
  await settled()
  expect(engine.calls.length).toBe(2)
  engine.calls[1]!.end.resolve()
  await settled()
  expect(engine.calls.length).toBe(2)
  expect(desk.outcomes).toEqual({ c: 'result' })
})

test('Serving: who shares a call is not given up with another', async () => {
  const engine = new Engine('m')
  engine.batch = 2
  const desk = new Desk([engine])
  await desk.ask('first')
  await desk.ask('a')
  await desk.ask('b')
  engine.calls[0]!.end.resolve()
  await settled()
  expect(engine.calls[1]).toMatchObject({ requests: 2 })
  desk.serving.cancel('a')
  expect(engine.calls[1]!.signal.aborted).toBe(false)
  engine.calls[1]!.end.resolve()
  await settled()
  expect(desk.outcomes).toEqual({ first: 'result', b: 'result' })
  expect(desk.answers.get('b')).toMatchObject({ elapsedMs: 20, shareMs: 10, decodeMs: 5 })
})

test('Serving: a fault of a batch is tried singly, of a member it is its own', async () => {
  const engine = new Engine('m')
  engine.batch = 2
  const desk = new Desk([engine])
  for (const key of ['first', 'a', 'b']) await desk.ask(key)
  engine.calls[0]!.end.resolve()
  await settled()
  engine.calls[1]!.end.reject(new Error('too much at once'))
  await settled()
  engine.calls[2]!.end.reject(Object.assign(new Error('NaN'), { name: 'OutputError' }))
  await settled()
  engine.calls[3]!.end.resolve()
  await settled()
  expect(desk.outcomes).toEqual({ first: 'result', a: 'bad-output', b: 'result' })
})

test('Serving: a request that comes again while it is here is not served twice', async () => {
  const engine = new Engine('m')
  const desk = new Desk([engine])
  await Promise.all([desk.ask('a'), desk.ask('a'), desk.ask('b')])
  await desk.ask('b')
  expect(desk.serving.bytes).toBe(2 * picture.length)
  for (let n = 0; n < 2; n++) {
    engine.calls[n]!.end.resolve()
    await settled()
  }
  expect(engine.calls.length).toBe(2)
  expect(desk.serving.bytes).toBe(0)
})

test('Serving: what became worthless while it waited is not computed, what would is refused with its wait', async () => {
  const engine = new Engine('m')
  const desk = new Desk([engine])
  await desk.ask('a')
  await desk.ask('b', { timeLeftMs: 15 })
  await desk.ask('c', { timeLeftMs: 15 }, 'other')
  expect(desk.answers.get('c')).toMatchObject({ code: 'overloaded', waitMs: 20 })
  await desk.clock.runUntil(30)
  engine.calls[0]!.end.resolve()
  await settled()
  expect(engine.calls.length).toBe(1)
  expect(desk.outcomes).toEqual({ a: 'result', b: 'expired', c: 'overloaded' })
})

test('Serving: a result accounts for the whole stay', async () => {
  const engine = new Engine('m')
  const desk = new Desk([engine])
  await desk.ask('a')
  await desk.clock.runUntil(100)
  engine.calls[0]!.end.resolve()
  await settled()
  expect(desk.answers.get('a')).toMatchObject({ queueMs: 75, decodeMs: 5, elapsedMs: 20, shareMs: 20 })
})

test('Serving: an unknown model and unreadable parts are refused at once', async () => {
  const engine = new Engine('m')
  const desk = new Desk([engine])
  await desk.ask('a', { model: 'x' })
  expect(desk.outcomes).toEqual({ a: 'unknown-model' })
  expect(desk.serving.bytes).toBe(0)
})
