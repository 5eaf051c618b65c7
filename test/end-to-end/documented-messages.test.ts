import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { deviceTopic } from '../../src/transport/topics.ts'
import { startBroker } from '../brokers/start-broker.ts'
import { bundledPhoto } from '../model-input.ts'
import { asyncapiFault } from '../transport/asyncapi-fault.ts'
import { endToEnd, stateTopic } from './stage.ts'

test('what agent and worker publish is what docs/asyncapi.yaml says', async () => {
  const stage = await endToEnd(startBroker)
  try {
    await stage.start('worker', { worker: 'w' })
    await stage.start('agent', { device: 'pi' })
    const announcement = await stage.message(stateTopic.worker('w'), (text) => text !== '')
    const state = await stage.message(stateTopic.agent('pi'), (text) => text.includes('online'))
    const metrics = await stage.message(deviceTopic('pi', 'metrics'), () => true)
    const answer = await stage.ask('pi', await readFile(bundledPhoto('cat')))
    const failure = await stage.ask('pi', Buffer.from('no picture'))
    expect([answer.ok, failure.ok]).toEqual([true, false])
    for (const [schema, value] of [
      ['announcement', JSON.parse(announcement)],
      ['deviceState', JSON.parse(state)],
      ['metrics', JSON.parse(metrics)],
      ['result', answer],
      ['result', failure],
    ] as const) {
      expect({ schema, value, fault: asyncapiFault(schema, value) }).toEqual({
        schema,
        value,
        fault: undefined,
      })
    }
  } finally {
    await stage.close()
  }
})
