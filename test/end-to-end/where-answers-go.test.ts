import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ResultMessage } from '../../agent/request-message.ts'
import type { SurgeonProcess } from '../../lab/surgeon-process.ts'
import { deviceTopic } from '../../src/transport/topics.ts'
import { startBroker } from '../brokers/start-broker.ts'
import { patienceMs } from '../patience.ts'
import { type EndToEnd, endToEnd, stateTopic } from './stage.ts'

describe('where answers go', () => {
  let running: EndToEnd
  const raw = new Uint8Array(Float32Array.from({ length: 192 }, (_, i) => Math.sin(i)).buffer)

  async function startAgent(device: string): Promise<SurgeonProcess> {
    const agent = await running.start('agent', { device, model: 'activity', policy: 'local' })
    const online = running.message(stateTopic.agent(device), (text) => text.includes('online'))
    await Promise.race([online, agent.ended])
    return agent
  }

  beforeAll(async () => {
    running = await endToEnd(startBroker)
  })

  afterAll(() => running.close())

  test('who asked is told, what clears is not answered, and no response topic leaves a request without answer', async () => {
    const agent = await startAgent('who')
    const input = deviceTopic('who', 'input')
    const result = deviceTopic('who', 'result')
    // Each once: the stage listens to the result topic as well, and some brokers then deliver twice.
    const answers = new Map<string, ResultMessage>()
    const traces = new Set<string | undefined>()
    const end = await running.camera.subscribe(`${result}/#`, ({ topic, payload, traceparent: carried }) => {
      traces.add(carried)
      const answer = JSON.parse(Buffer.from(payload).toString()) as ResultMessage
      answers.set(`${topic} ${answer.id}`, answer)
    })
    const publish = (topic: string, payload: Uint8Array, more: object = {}) =>
      running.camera.publish(topic, payload, { qos: 1, timeoutMs: patienceMs, ...more })

    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
    await publish(`${input}/porch`, raw, { traceparent })
    // Surely no text.
    const unanswerable = Buffer.concat([Uint8Array.of(0), randomBytes(3)])
    await publish(input, raw, { responseTopic: 'a/'.repeat(250), correlationData: unanswerable })
    // Live it is answered although it is to be kept; what clears it is not.
    await publish(`${input}/shed`, raw, { retain: true })
    await publish(`${input}/shed`, new Uint8Array(), { retain: true })
    await publish(`${input}/attic`, new Uint8Array())
    await running.ask('who', raw)

    const of = (name: string) =>
      [...answers].flatMap(([key, answer]) => (key.startsWith(`${result}/${name} `) ? [answer] : []))
    expect(of('porch')).toMatchObject([{ ok: true, source: 'porch', traceparent }])
    expect(traces).toEqual(new Set([traceparent, undefined]))
    expect(answers.get(`${result} ${unanswerable.toString('hex')}`)).toMatchObject({ ok: true })
    expect(of('shed')).toMatchObject([{ ok: true }])
    expect(of('attic')).toMatchObject([{ ok: false, source: 'attic', error: { code: 'empty' } }])
    await end()
    await agent.stop()
  })

  test('what the broker has kept is not answered again after a restart', async () => {
    const agent = await startAgent('kept')
    // By id: the stage listens to this topic as well, and Mosquitto then delivers twice.
    const answers = new Set<string>()
    const end = await running.camera.subscribe(
      `${deviceTopic('kept', 'result')}/porch`,
      ({ payload }) => void answers.add((JSON.parse(Buffer.from(payload).toString()) as ResultMessage).id),
    )
    const kept = { qos: 1, retain: true, timeoutMs: patienceMs } as const
    await running.camera.publish(`${deviceTopic('kept', 'input')}/porch`, raw, kept)
    await running.ask('kept', raw)
    expect(answers.size).toBe(1)
    await agent.stop()
    await startAgent('kept')
    await running.ask('kept', raw)
    expect(answers.size).toBe(1)
    await end()
  })
})
