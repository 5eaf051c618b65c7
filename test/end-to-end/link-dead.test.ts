import { afterEach, describe, expect, test } from 'vitest'
import { cameraFrames } from '../../lab/demo/camera.ts'
import { createLinkEmulator, type LinkEmulator } from '../../lab/link-emulator.ts'
import { startBroker } from '../brokers/start-broker.ts'
import { askUntil, byWorker } from './ask-until.ts'
import { type EndToEnd, endToEnd, stateTopic } from './stage.ts'

describe('a link that dies', () => {
  let running: EndToEnd | undefined
  let link: LinkEmulator | undefined
  afterEach(async () => {
    await running?.close()
    await link?.stop()
  })

  test.each(['at-once', 'when-late'])(
    'every frame is answered by the edge, resume %s, until the link is back',
    async (resume) => {
      running = await endToEnd(startBroker)
      const { broker, start, message, ask } = running
      link = createLinkEmulator({ targetPort: broker.port, uplink: 50e6, downlink: 50e6, oneWayDelayMs: 2 })
      const port = await link.start()
      await start('worker', { worker: 'pool-1' })
      await message(stateTopic.worker('pool-1'), (text) => text !== '')
      const pool = { url: `mqtt://127.0.0.1:${port}` }
      await start('agent', { device: 'pi', pool, resume, lab: { edgeSlowdown: 12 } })
      await message(stateTopic.agent('pi'), (text) => text.includes('online'))
      const frames = await cameraFrames(8)

      await askUntil(() => ask('pi', frames[0]!.bytes), byWorker)

      link.set({ uplinkBps: 0 })
      const dead = []
      for (const { bytes } of frames.slice(4)) dead.push(await ask('pi', bytes))
      for (const result of dead) expect(result).toMatchObject({ ok: true, finishedAt: 'edge' })

      link.set({ uplinkBps: 50e6 })
      const result = await askUntil(() => ask('pi', frames[0]!.bytes), byWorker)
      expect(result).toMatchObject({ plan: { worker: 'pool-1' } })
    },
  )
})
