import { expect, test } from 'vitest'
import { changedKeys } from '../../src/config/changed-keys.ts'

test('changedKeys names what differs, one level deep', () => {
  const before = { log: 'info', mqtt: { url: 'a', username: 'u' }, streams: [{ name: 'x' }], wound: 'w' }
  const after = { log: 'debug', mqtt: { url: 'a', ca: 'c' }, streams: [{ name: 'y' }], records: {} }
  expect(changedKeys(before, after)).toEqual([
    'log',
    'mqtt.ca',
    'mqtt.username',
    'streams',
    'records',
    'wound',
  ])
})

test('changedKeys names nothing of equal configurations', () => {
  expect(changedKeys({ limits: { requests: 1 } }, { limits: { requests: 1 } })).toEqual([])
})
