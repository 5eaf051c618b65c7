import { expect, test } from 'vitest'
import { isLoopback, isLoopbackUrl } from '../../src/machine/loopback.ts'

const own = [
  '127.0.0.1',
  '127.3.2.1',
  '::1',
  '0:0:0:0:0:0:0:1',
  '::ffff:127.0.0.1',
  '::ffff:7f00:1',
  'localhost',
]
const others = [
  '0.0.0.0',
  '192.168.1.2',
  '::',
  '::ffff:10.0.0.1',
  'localhost.evil.example',
  '127.0.0.1.evil.example',
  '',
]

test('isLoopback() knows what only this machine reaches, however it is written', () => {
  expect(own.filter((host) => !isLoopback(host))).toEqual([])
  expect(others.filter(isLoopback)).toEqual([])
})

test('isLoopbackUrl() knows it of a broker', () => {
  const urls = own.map((host) => `mqtt://${host.includes(':') ? `[${host}]` : host}:1883`)
  expect(urls.filter((url) => !isLoopbackUrl(url))).toEqual([])
  expect(
    ['wss://broker.example/mqtt', 'mqtt://10.0.0.1', 'mqtt://[fe80::1]:1883'].filter(isLoopbackUrl),
  ).toEqual([])
})
