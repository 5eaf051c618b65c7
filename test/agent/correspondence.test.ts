import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { answerTopics, isPublishable, Repetitions } from '../../agent/correspondence.ts'
import type { IncomingMessage } from '../../src/transport/message.ts'
import { noSharedData, sharedData } from '../shared-data.ts'

const input = 'surgeon/device/pi/input'
const result = 'surgeon/device/pi/result'

describe('answerTopics', () => {
  it('answers to a response topic, and has the result topic left where that is refused', () => {
    expect(answerTopics(`${result}/porch`, undefined)).toEqual([`${result}/porch`])
    expect(answerTopics(result, 'home/answers')).toEqual(['home/answers', result])
  })

  it('does not publish to what ends the connection', async ({ skip }) => {
    expect(isPublishable('wohn zimmer/küche')).toBe(true)
    for (const topic of ['', 'a/+', '#', '$SYS/x', 'a\u0000b', 'a/'.repeat(250), 'x'.repeat(2000)])
      expect(answerTopics(result, topic)).toEqual([result])
    const path = sharedData('cases/inputs/response-topic-unusable/messages.json')
    skip(path === undefined, noSharedData)
    const messages = JSON.parse(await readFile(path!, 'utf8')) as readonly { responseTopic: string }[]
    // The last is one that only the broker can refuse.
    expect(messages.map(({ responseTopic }) => isPublishable(responseTopic))).toEqual([
      false,
      false,
      false,
      false,
      true,
    ])
    const long = sharedData('cases/inputs/response-topic-250-levels/message.json')!
    const { level, levels } = (
      JSON.parse(await readFile(long, 'utf8')) as { responseTopic: { level: string; levels: number } }
    ).responseTopic
    expect(isPublishable(Array.from({ length: levels }, () => level).join('/'))).toBe(false)
  })
})

describe('Repetitions', () => {
  const message = (change: Partial<IncomingMessage>): IncomingMessage => ({
    topic: input,
    payload: Uint8Array.of(1, 2),
    retain: false,
    ...change,
  })

  it('answers a message that the broker sends again once, and the same picture as often as it is asked', () => {
    const repetitions = new Repetitions()
    expect(repetitions.isRepetition(message({}))).toBe(false)
    expect(repetitions.isRepetition(message({}))).toBe(false)
    expect(repetitions.isRepetition(message({ isRepeated: true }))).toBe(true)
    expect(repetitions.isRepetition(message({ isRepeated: true, correlationData: Uint8Array.of(7) }))).toBe(
      false,
    )
    expect(repetitions.isRepetition(message({ isRepeated: true, topic: `${input}/porch` }))).toBe(false)
    // What was lost before it came is as good as new.
    expect(repetitions.isRepetition(message({ isRepeated: true, payload: Uint8Array.of(3) }))).toBe(false)
  })

  it('looks back at a bounded number', () => {
    const repetitions = new Repetitions()
    const numbered = (n: number) => message({ payload: Uint8Array.of(n & 255, n >> 8), isRepeated: true })
    for (let n = 0; n <= 256; n++) repetitions.isRepetition(numbered(n))
    expect(repetitions.isRepetition(numbered(256))).toBe(true)
    expect(repetitions.isRepetition(numbered(0))).toBe(false)
  })
})
