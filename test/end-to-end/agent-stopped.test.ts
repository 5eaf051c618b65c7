import { readFile } from 'node:fs/promises'
import { afterEach, expect, test } from 'vitest'
import { startBroker } from '../brokers/start-broker.ts'
import { bundledPhoto } from '../model-input.ts'
import { type EndToEnd, endToEnd, stateTopic } from './stage.ts'

let stage: EndToEnd
afterEach(() => stage.close())

test('an agent that is told to stop answers everything that is in work', async () => {
  stage = await endToEnd(startBroker)
  // Slow enough that most of it is not done when it is told.
  const agent = await stage.start('agent', { device: 'pi', policy: 'local', lab: { edgeSlowdown: 20 } })
  await stage.message(stateTopic.agent('pi'), (text) => text.includes('online'))
  const photo = await readFile(bundledPhoto('cat'))
  const first = stage.ask('pi', photo)
  const others = Array.from({ length: 12 }, () => stage.ask('pi', photo))
  // Its answer shows that those behind it are in work, or done.
  await first
  await agent.stop()
  const results = await Promise.all(others)
  const codes = results.map((result) => (result.ok ? 'answered' : result.error.code))
  expect(codes.filter((code) => code !== 'answered' && code !== 'stopping')).toEqual([])
})

test('inputs that the broker keeps while the agent is started again are answered', async () => {
  stage = await endToEnd(startBroker)
  const config = { device: 'pi', policy: 'local' }
  const agent = await stage.start('agent', config)
  await stage.message(stateTopic.agent('pi'), (text) => text.includes('online'))
  // Without a word: the broker keeps its session.
  await agent.stop('SIGKILL')
  const photo = await readFile(bundledPhoto('cat'))
  const kept = Array.from({ length: 5 }, () => stage.ask('pi', photo))
  await stage.start('agent', config)
  expect(await Promise.all(kept)).toMatchObject(kept.map(() => ({ ok: true })))
})
