import { beforeEach, describe, expect, test } from 'vitest'
import { systemClock } from '../../src/async/clock.ts'
import type { Delivery } from '../../src/transport/message.ts'
import { Outbox, type OutboxLink } from '../../src/transport/outbox.ts'

/** One connection that notes what is sent, and acknowledges when told. */
class NotingLink implements OutboxLink {
  readonly maximumPacketSize = 100_000
  readonly receiveMaximum = 100
  readonly sent: string[] = []
  readonly acks: ((delivery?: Delivery) => void)[] = []

  send: OutboxLink['send'] = ({ topic }, done) => {
    this.sent.push(topic)
    this.acks.push((delivery = { kind: 'taken' }) => done(delivery))
  }
}

describe('Outbox', () => {
  let windowBytes: number
  let outbox: Outbox
  let link: NotingLink
  beforeEach(() => {
    windowBytes = 1000
    outbox = new Outbox({
      windowBytes: () => windowBytes,
      maxWaitingBytes: 5000,
      clock: { ...systemClock, now: () => 0 },
      onAck: () => undefined,
    })
    link = new NotingLink()
    outbox.attach(link)
  })
  const transfer = (topic: string, bytes = 800) =>
    outbox.publish(topic, new Uint8Array(bytes), { qos: 1, timeoutMs: 60_000 })
  const result = (topic: string, timeoutMs = 60_000) =>
    outbox.publish(topic, 'answer', { qos: 1, kind: 'result', timeoutMs })
  const ended = (promise: Promise<unknown>) =>
    promise.then(
      () => 'done',
      (error: { code: string }) => error.code,
    )

  test('sends results before transfers that wait, each in order', async () => {
    const all = [transfer('t1'), transfer('t2'), transfer('t3'), result('r1', 50_000), result('r2')]
    expect(link.sent).toEqual(['t1', 'r1', 'r2'])
    for (let i = 0; i < all.length; i++) link.acks[i]!()
    await Promise.all(all)
    expect(link.sent).toEqual(['t1', 'r1', 'r2', 't2', 't3'])
  })

  test('of the frames that wait the one with the least left goes first, and messages of their own keep their order', async () => {
    const chunk = (topic: string, leftBytes: number) =>
      outbox.publish(topic, new Uint8Array(10), { qos: 1, timeoutMs: 60_000, leftBytes })
    const all = [transfer('state 1', 1000), chunk('large', 500), transfer('state 2', 5), chunk('small', 30)]
    all.push(chunk('as small', 30), chunk('middle', 100), result('answer'))
    link.acks[0]!()
    const order = ['state 1', 'answer', 'state 2', 'small', 'as small', 'middle', 'large']
    for (let i = 1; i < all.length; i++) link.acks[i]!()
    await Promise.all(all)
    expect(link.sent).toEqual(order)
  })

  test('where told so, a frame that is alone leaves whole; as soon as something else waits the window holds again', async () => {
    outbox = new Outbox({
      windowBytes: () => windowBytes,
      fillsWhenAlone: true,
      maxWaitingBytes: 5000,
      clock: { ...systemClock, now: () => 0 },
      onAck: () => undefined,
    })
    outbox.attach(link)
    const chunk = (topic: string, correlationData: Uint8Array | undefined) =>
      outbox.publish(topic, new Uint8Array(800), {
        qos: 1,
        timeoutMs: 60_000,
        leftBytes: 800,
        ...(correlationData && { correlationData }),
      })
    const [frame, other] = [new Uint8Array(8), new Uint8Array(8)]
    expect(outbox.isIdle).toBe(true)
    const all = ['a1', 'a2', 'a3'].map((topic) => chunk(topic, frame))
    expect(outbox.isIdle).toBe(false)
    expect(link.sent).toEqual(['a1', 'a2', 'a3'])
    // Another frame waits, and then the rest of the first does as well.
    all.push(chunk('b1', other), chunk('a4', frame), chunk('none', undefined))
    expect(link.sent).toHaveLength(3)
    for (let i = 0; i < 3; i++) link.acks[i]!()
    expect(link.sent).toEqual(['a1', 'a2', 'a3', 'b1'])
    for (let i = 3; i < all.length; i++) link.acks[i]!()
    await Promise.all(all)
    expect(link.sent).toEqual(['a1', 'a2', 'a3', 'b1', 'a4', 'none'])
  })

  test('asks for the window whenever something may leave; one message may always be in flight', async () => {
    windowBytes = 0
    const all = [transfer('t1'), transfer('t2'), transfer('t3')]
    expect(link.sent).toEqual(['t1'])
    windowBytes = 10_000
    link.acks[0]!()
    expect(link.sent).toEqual(['t1', 't2', 't3'])
    link.acks[1]!()
    link.acks[2]!()
    await Promise.all(all)
  })

  test('a result outlives its connection, in flight or waiting, and its late acknowledgement; a transfer does not', async () => {
    const [inFlight, lost] = [result('r1'), ended(transfer('t1'))]
    outbox.detach('the connection was closed')
    expect(await lost).toBe('offline')
    const meanwhile = result('r2')
    expect(await ended(transfer('t2'))).toBe('offline')
    const next = new NotingLink()
    outbox.attach(next)
    expect(next.sent).toEqual(['r1', 'r2'])
    link.acks[0]!({ kind: 'refused', cause: new Error('of the old connection') })
    for (const ack of next.acks) ack()
    await expect(Promise.all([inFlight, meanwhile])).resolves.toHaveLength(2)
  })

  test('a result waits no longer than its time, and no longer than the session', async () => {
    outbox.detach('closed')
    expect(await ended(result('r1', 1))).toBe('timeout')
    const waiting = ended(result('r2'))
    outbox.close('the session was stopped')
    expect(await waiting).toBe('offline')
    outbox.attach(link)
    expect(link.sent).toEqual([])
  })

  test('is bounded in bytes, and has room again when something left', async () => {
    const kept = [transfer('t1'), transfer('t2', 4900)]
    expect(await ended(transfer('t3'))).toBe('full')
    link.acks[0]!()
    const next = transfer('t4')
    link.acks[1]!()
    link.acks[2]!()
    await Promise.all([...kept, next])
  })
})
