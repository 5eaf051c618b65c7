import { afterEach, describe, expect, test } from 'vitest'
import type { AnswerMessage, ResultMessage } from '../../agent/request-message.ts'
import { cameraFrames } from '../../lab/demo/camera.ts'
import { startBroker } from '../brokers/start-broker.ts'
import { askUntil, byWorker } from './ask-until.ts'
import { type EndToEnd, endToEnd, stateTopic } from './stage.ts'

let running: EndToEnd | undefined
afterEach(async () => {
  await running?.close()
  running = undefined
})

describe('agent and worker', () => {
  test('20 photos are answered although the worker is killed in the middle, and a new worker is used again', async () => {
    running = await endToEnd(startBroker)
    const { start, message, ask } = running
    const worker = await start('worker', { worker: 'pool-1' })
    await message(stateTopic.worker('pool-1'), (text) => text !== '')
    // So slow an edge that the worker is by far the quicker of the two.
    await start('agent', { device: 'pi', lab: { edgeSlowdown: 12 } })
    await message(stateTopic.agent('pi'), (text) => text.includes('online'))
    const frames = await cameraFrames(20)

    const before: ResultMessage[] = [await askUntil(() => ask('pi', frames[0]!.bytes), byWorker)]
    for (const { bytes } of frames.slice(1, 8)) before.push(await ask('pi', bytes))

    // Six are on their way when the worker dies.
    const during = frames.slice(8, 14).map(({ bytes }) => ask('pi', bytes))
    // Listened for first: a cleared topic has no message for who comes later.
    const gone = message(stateTopic.worker('pool-1'), (text) => text === '')
    process.kill(worker.pid, 'SIGKILL')
    const meanwhile = await Promise.all(during)
    await gone
    const after = []
    for (const { bytes } of frames.slice(14)) after.push(await ask('pi', bytes))

    const answers = [...before, ...meanwhile, ...after]
    expect(answers).toHaveLength(20)
    for (const result of answers) {
      expect(result).toMatchObject({ ok: true })
      expect((result as AnswerMessage).top).toHaveLength(5)
      expect((result as AnswerMessage).top![0]!.probability).toBeGreaterThan(0.1)
    }
    for (const result of after) expect(result).toMatchObject({ finishedAt: 'edge' })
    await askUntil(
      () => ask('pi', frames[0]!.bytes),
      ({ plan }) => plan.wound === 'local',
    )

    await start('worker', { worker: 'pool-2' })
    await message(stateTopic.worker('pool-2'), (text) => text !== '')
    await askUntil(
      () => ask('pi', frames[0]!.bytes),
      ({ plan }) => plan.worker === 'pool-2',
    )
  })

  test('the last will of a killed agent says offline', async () => {
    running = await endToEnd(startBroker)
    const agent = await running.start('agent', { device: 'pi', policy: 'local' })
    await running.message(stateTopic.agent('pi'), (text) => text.includes('online'))
    process.kill(agent.pid, 'SIGKILL')
    expect(await running.message(stateTopic.agent('pi'), (text) => text.includes('offline'))).toBe(
      '{"state":"offline"}',
    )
  })

  test('an agent that is told to stop leaves the same offline state', async () => {
    running = await endToEnd(startBroker)
    const agent = await running.start('agent', { device: 'pi', policy: 'local' })
    await running.message(stateTopic.agent('pi'), (text) => text.includes('online'))
    await agent.stop()
    expect(await running.message(stateTopic.agent('pi'), (text) => text.includes('offline'))).toBe(
      '{"state":"offline"}',
    )
  })
})
