import { describe, expect, it } from 'vitest'
import { checkFilter, checkTopic, matchesFilter } from '../../src/transport/topic-filter.ts'
import {
  deviceOf,
  deviceTopic,
  everyDeviceTopic,
  everyWorkerTopic,
  workerOf,
  workerTopic,
} from '../../src/transport/topics.ts'

describe('topics', () => {
  it('names topics and reads them back', () => {
    expect(deviceTopic('pi-3', 'input')).toBe('surgeon/device/pi-3/input')
    expect(workerTopic('w1', 'request', 'site/a')).toBe('site/a/worker/w1/request')
    expect(everyWorkerTopic('state')).toBe('surgeon/worker/+/state')
    expect(everyDeviceTopic('metrics', 'x')).toBe('x/device/+/metrics')
    expect(deviceOf('surgeon/device/pi 3/reply', 'reply')).toBe('pi 3')
    expect(workerOf('site/a/worker/w1/state', 'state', 'site/a')).toBe('w1')
    for (const topic of [
      'surgeon/worker/state',
      'surgeon/worker//state',
      'surgeon/worker/a/b/state',
      'x/worker/a/state',
    ]) {
      expect(workerOf(topic, 'state')).toBeUndefined()
    }
    expect(deviceOf('surgeon/device/a/reply', 'result')).toBeUndefined()
  })

  it('refuses ids and prefixes that reach other topics', () => {
    for (const id of ['', '+', 'a+', '#', 'a/b', 'a\0', '\ud800', 'x'.repeat(65)]) {
      expect(() => deviceTopic(id, 'input')).toThrow(/device id must be/)
      expect(() => workerTopic(id, 'state')).toThrow(/worker id must be/)
    }
    for (const prefix of ['', '/a', 'a/', 'a//b', 'a/+', '#', '$share/g/a', '$SYS']) {
      expect(() => deviceTopic('a', 'input', prefix)).toThrow(/prefix must be/)
    }
    expect(deviceTopic('x'.repeat(64), 'state')).toContain('x')
  })
})

describe('matchesFilter', () => {
  it('follows section 4.7 of MQTT 5', () => {
    const yes = [
      'a/b|a/b',
      'a/+|a/b',
      '+/+|/finance',
      '/+|/finance',
      'a/#|a',
      'a/#|a/b/c',
      '#|a/b',
      '+|a',
      'a/+/c|a//c',
    ]
    const more = ['$share/g/a/+|a/b', '$share/g/#|a', '$SYS/#|$SYS/x', 'a/+/#|a/b', '/|/']
    for (const pair of [...yes, ...more]) {
      const [filter, topic] = pair.split('|')
      expect([pair, matchesFilter(filter!, topic!)]).toEqual([pair, true])
    }
    const no = [
      'a|b',
      'a/b|a',
      'a|a/b',
      '+|/finance',
      'a/+|a',
      'a/+|a/b/c',
      '#|$SYS/x',
      '+/x|$SYS/x',
      'a/#|ab',
      'A|a',
      'a/+/#|a',
      '$share/g/a|b',
    ]
    for (const pair of no) {
      const [filter, topic] = pair.split('|')
      expect([pair, matchesFilter(filter!, topic!)]).toEqual([pair, false])
    }
  })

  it('refuses filters and topics that a broker would refuse', () => {
    for (const filter of ['a', '+', '#', '+/a/#', '/', '$share/g/a/#', 'a b/c']) checkFilter(filter)
    for (const filter of [
      '',
      'a#',
      '#/a',
      'a+/b',
      'a\0',
      '$share/g',
      '$share/g/',
      '$share/+/a',
      'x'.repeat(65_536),
    ]) {
      expect(() => checkFilter(filter)).toThrow(RangeError)
    }
    checkTopic('a/b')
    for (const topic of ['', 'a/+', '#', 'a\0', 'é'.repeat(32_768)])
      expect(() => checkTopic(topic)).toThrow(RangeError)
  })
})
