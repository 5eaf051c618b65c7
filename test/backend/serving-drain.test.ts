import { expect, test } from 'vitest'
import { settled } from '../../lab/replay/virtual-clock.ts'
import { Desk, Engine } from './serving-desk.ts'

test('Serving: when it is drained it finishes what is soon done, refuses the rest and takes nothing more', async () => {
  const engine = new Engine('m')
  const desk = new Desk([engine])
  for (const key of ['a', 'b', 'c', 'd']) await desk.ask(key)
  let drained = false
  const draining = desk.serving.drain(20).then(() => {
    drained = true
  })
  await desk.ask('e')
  expect(desk.outcomes).toEqual({ d: 'stopping', e: 'stopping' })
  for (let n = 0; n < 3; n++) {
    await settled()
    expect(drained).toBe(false)
    engine.calls[n]!.end.resolve()
  }
  await draining
  expect(desk.outcomes).toEqual({ a: 'result', b: 'result', c: 'result', d: 'stopping', e: 'stopping' })
})

test('Serving: what does not end in time when it is drained is answered by an error, and not waited for', async () => {
  const engine = new Engine('m')
  const desk = new Desk([engine])
  await desk.ask('a')
  let drained = false
  const draining = desk.serving.drain(20).then(() => {
    drained = true
  })
  await desk.clock.runUntil(39)
  expect(engine.calls[0]!.signal.aborted).toBe(false)
  await desk.clock.runUntil(40)
  expect(engine.calls[0]!.signal.aborted).toBe(true)
  expect(desk.outcomes).toEqual({ a: 'stopping' })
  await draining
  expect(drained).toBe(true)
})

test('Serving: native code that cannot be ended does not keep it from being drained', async () => {
  const engine = new Engine('m')
  engine.finish = () => new Promise(() => undefined)
  const desk = new Desk([engine])
  await desk.ask('a')
  let drained = false
  void desk.serving.drain(20).then(() => {
    drained = true
  })
  await desk.clock.runUntil(59)
  expect(drained).toBe(false)
  await desk.clock.runUntil(60)
  expect(drained).toBe(true)
})
