import { afterEach, describe, expect, test } from 'vitest'
import { cameraFrames } from '../../lab/demo/camera.ts'
import { startBroker } from '../brokers/start-broker.ts'
import { type EndToEnd, endToEnd, stateTopic } from './stage.ts'

describe('a broker that dies', () => {
  let running: EndToEnd | undefined
  afterEach(() => running?.close())

  test('agent and worker live on and are found again on the broker that follows', async () => {
    running = await endToEnd(startBroker)
    const { broker, camera, start, message, ask } = running
    await start('worker', { worker: 'pool-1' })
    await start('agent', { device: 'pi' })
    await message(stateTopic.agent('pi'), (text) => text.includes('online'))
    await broker.stop('SIGKILL')
    const next = await startBroker({ port: broker.port })
    try {
      await camera.whenOnline()
      // Nothing is retained any more: both say it anew.
      await message(stateTopic.agent('pi'), (text) => text.includes('online'))
      await message(stateTopic.worker('pool-1'), (text) => text !== '')
      const [frame] = await cameraFrames(1)
      expect(await ask('pi', frame!.bytes)).toMatchObject({ ok: true })
    } finally {
      await running.close()
      running = undefined
      await next.stop()
    }
  })
})
