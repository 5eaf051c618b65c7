import { expect, test } from 'vitest'
import type { Finished } from '../../backend/measure-tails.ts'
import type { PreparedRequest } from '../../backend/prepare-request.ts'
import type { Preparation, QueueLimits } from '../../backend/request-queue.ts'
import { type Server, Serving } from '../../backend/serving.ts'
import { VirtualClock } from '../../lab/replay/virtual-clock.ts'
import { type Deferred, deferred } from '../../src/async/deferred.ts'
import { blankImage } from '../../src/codec/image-codecs.ts'
import type { Frame, RequestFrame } from '../../src/transport/frame-content.ts'

const limits: QueueLimits = { maxBytes: 1e6, maxRequests: 50, maxWaitMs: 1e6, maxPrepared: 6, slackMs: 50 }

/** An engine whose calls end when the test says so. */
class Engine implements Server {
  readonly name = 'engine'
  readonly hash: string
  readonly calls: { requests: number; signal: AbortSignal; end: Deferred<void> }[] = []
  decoding: Deferred<void>[] = []
  batch = 1

  constructor(hash: string) {
    this.hash = hash
  }

  batchLimit(): number {
    return this.batch
  }

  callMs(_: string, requests: number): number {
    return 10 * requests
  }

  async preparation(request: RequestFrame): Promise<Preparation> {
    return request.codec === 'received' ? 'cheap' : 'none'
  }

  async prepare(request: RequestFrame): Promise<PreparedRequest> {
    if (request.codec === 'received') {
      const decoded = deferred<void>()
      this.decoding.push(decoded)
      await decoded.promise
    }
    const wound = { id: request.wound, tensors: [0], head: [] }
    return { wound, input: { kind: 'values', tensors: [0], values: [] }, decodeMs: 5 }
  }

  async finish(requests: readonly PreparedRequest[], signal: AbortSignal): Promise<Finished[]> {
    const end = deferred<void>()
    signal.addEventListener('abort', () => end.reject(new Error('cancelled')))
    this.calls.push({ requests: requests.length, signal, end })
    await end.promise
    return requests.map(() => ({
      codec: 'float16',
      encoded: [],
      elapsedMs: 20,
      shareMs: 20 / requests.length,
    }))
  }

  freeAtMs(): number {
    return 0
  }

  prepareTail(): void {}
}

const picture = await blankImage(8, 8)

class Desk {
  readonly clock = new VirtualClock()
  readonly serving: Serving
  readonly answers = new Map<string, Frame>()

  constructor(engines: readonly Engine[], changed: Partial<QueueLimits> = {}) {
    this.serving = new Serving({
      servers: engines,
      limits: { ...limits, ...changed },
      clock: this.clock,
      log: () => undefined,
    })
  }

  async ask(
    key: string,
    fields: Partial<RequestFrame> = {},
    sender = 'pi',
    reply: (answer: Frame) => void = (answer) => this.answers.set(key, answer),
  ): Promise<void> {
    const frame: RequestFrame = {
      kind: 'request',
      model: 'm',
      wound: 'w',
      codec: 'float32',
      timeLeftMs: 1e5,
      parts: [picture],
      ...fields,
    }
    await this.serving.accept({ key, sender, frame, reply })
  }

  /** What each request got: a failure's code or a result. */
  get outcomes(): Record<string, string> {
    const text = (frame: Frame) => (frame.kind === 'failure' ? frame.code : frame.kind)
    return Object.fromEntries([...this.answers].map(([key, frame]) => [key, text(frame)]))
  }
}

/** Lets everything that can go on go on. */
async function settled(): Promise<void> {
  await new Promise((resolve) => {
    setImmediate(resolve)
  })
}

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

test('Serving: an unknown model and unreadable parts are refused at once', async () => {
  const engine = new Engine('m')
  const desk = new Desk([engine])
  await desk.ask('a', { model: 'x' })
  expect(desk.outcomes).toEqual({ a: 'unknown-model' })
  expect(desk.serving.bytes).toBe(0)
})
