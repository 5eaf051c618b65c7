import { Parser } from '@asyncapi/parser'
import { describe, expect, test } from 'vitest'
import { publishedResult } from '../../agent/published-result.ts'
import type { ResultMessage } from '../../agent/request-message.ts'
import { parseAnnouncement } from '../../src/transport/announcement.ts'
import { type DeviceLeaf, deviceTopic, type WorkerLeaf, workerTopic } from '../../src/transport/topics.ts'
import {
  asyncapiDocument as document,
  asyncapiFault as faultOf,
  asyncapiText as text,
} from './asyncapi-fault.ts'
import { goldenVectors } from './golden-vectors.ts'

describe('docs/asyncapi.yaml', () => {
  test('is an AsyncAPI 3 document, says its own parser', async () => {
    const { document: parsed, diagnostics } = await new Parser().parse(text)
    // There is none where a diagnostic is an error.
    expect({ version: parsed?.version(), diagnostics }).toMatchObject({ version: '3.0.0' })
  })

  test('has every topic that there is, and no other', () => {
    // The types say that none is forgotten.
    const devices: Record<DeviceLeaf, true> = {
      input: true,
      result: true,
      state: true,
      metrics: true,
      plan: true,
      reply: true,
      probe: true,
    }
    const workers: Record<WorkerLeaf, true> = { state: true, request: true }
    const topics = [
      ...Object.keys(devices).map((leaf) => deviceTopic('D', leaf as DeviceLeaf)),
      ...Object.keys(workers).map((leaf) => workerTopic('W', leaf as WorkerLeaf)),
    ]
    const addresses = Object.values(document.channels).flatMap(({ address }) =>
      address === null
        ? []
        : [address.replace('{prefix}', 'surgeon').replace('{device}', 'D').replace('{worker}', 'W')],
    )
    expect(addresses.toSorted()).toEqual(topics.toSorted())
  })

  test.for(goldenVectors<{ text: string; announcement: object | null }>('announcement'))(
    'and this program read the announcement $text alike',
    ({ text: said, announcement }) => {
      expect(parseAnnouncement(Buffer.from(said)) ?? null).toEqual(announcement)
      // The empty one is not JSON, and says that there is no worker.
      const values = announcement === null ? [] : [JSON.parse(said) as unknown, announcement]
      expect(values.map((value) => faultOf('announcement', value))).toEqual(values.map(() => undefined))
    },
  )

  test.for([
    '{"models":[{"name":"m","hash":"ff","wounds":[{"id":"input","tailMs":-1}],"queueMs":0}]}',
    '{"models":[{"name":"m","hash":"ff","wounds":[]}]}',
    '{"models":[{"name":"m","hash":"ff","weights":"good","wounds":[],"queueMs":0}]}',
    '{"leftOut":[]}',
    '[]',
  ])('and this program refuse the announcement %s alike', (said) => {
    expect(() => parseAnnouncement(Buffer.from(said))).toThrow(Error)
    expect(faultOf('announcement', JSON.parse(said))).toBeDefined()
  })

  test('tells answers from failures', () => {
    const failure: ResultMessage = { ok: false, id: '1', error: { code: 'timeout', message: 'late' } }
    const published = JSON.parse(publishedResult(failure, 'pi-1', 1)) as object
    expect(faultOf('result', published)).toBeUndefined()
    expect(faultOf('result', { ...published, ok: true })).toBeDefined()
  })
})
