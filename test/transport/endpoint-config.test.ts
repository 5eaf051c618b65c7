import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { rootCertificates } from 'node:tls'
import { afterAll, expect, test } from 'vitest'
import { endpointFaults, endpointOptions } from '../../src/transport/endpoint-config.ts'

const folder = mkdtempSync(join(tmpdir(), 'surgeon-endpoint-'))
afterAll(() => rmSync(folder, { recursive: true }))
const file = (name: string, text: string) => {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

test('endpointOptions() reads certificates and password at each attempt, so that what is renewed needs no restart', () => {
  const ca = file('ca.pem', rootCertificates[0]!)
  const passwordFile = file('password', 'first\n')
  const { tls, password } = endpointOptions({ url: 'mqtts://broker', ca, username: 'pi', passwordFile })
  const now = () => [tls?.().ca, typeof password === 'function' ? password() : password]
  expect(now()).toEqual([rootCertificates[0], 'first'])
  file('ca.pem', rootCertificates[1]!)
  file('password', 'second\n')
  expect(now()).toEqual([rootCertificates[1], 'second'])
})

test('endpointFaults() names files that are missing, or no PEM files that fit together', () => {
  const [ca, text] = [file('good.pem', rootCertificates[0]!), file('text.pem', 'no certificate')]
  const url = 'mqtts://broker'
  expect(endpointFaults('mqtt', { url, ca })).toEqual([])
  for (const bad of [{ ca: '/nowhere.pem' }, { cert: text, key: text }, { cert: ca, key: ca }])
    expect(endpointFaults('mqtt', { url, ...bad })).toEqual([
      expect.stringMatching(/^mqtt: ca, cert and key must be PEM files that fit together: ./),
    ])
  expect(endpointFaults('mqtt', { url, passwordFile: '/nowhere' })).toEqual([
    expect.stringMatching(/^mqtt.passwordFile: must be readable: ./),
  ])
})
