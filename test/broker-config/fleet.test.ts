import { execFileSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createSecureContext } from 'node:tls'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { repositoryRoot } from '../paths.ts'

const script = (name: string) => fileURLToPath(new URL(`scripts/${name}`, repositoryRoot))
const fleet = (...groups: string[]) =>
  execFileSync(process.execPath, [script('fleet.mjs'), ...groups], { encoding: 'utf8', stdio: 'pipe' })

test('fleet.mjs prints for the names of broker-config/README.md what stands there', () => {
  const readme = readFileSync(new URL('broker-config/README.md', repositoryRoot), 'utf8')
  const documented = readme.split('\n').filter((line) => line.startsWith('ctrl'))
  const groups = [
    'agents=pi-1',
    'workers=worker-1',
    'cameras=cam-1:pi-1',
    'readers=grafana',
    'requesters=home',
  ]
  expect(
    fleet(...groups)
      .trim()
      .split('\n'),
  ).toEqual(['set -e', ...documented])
})

test('fleet.mjs gives each member its own, and makes a role once', () => {
  const lines = fleet('agents=kitchen,hall', 'cameras=c1:hall,c2:hall').split('\n')
  expect(lines).toContain('ctrl addRoleACL agent-hall subscribeLiteral surgeon/device/hall/input/# allow')
  expect(lines.filter((line) => line.includes('pi-1'))).toEqual([])
  expect(lines.filter((line) => line === 'ctrl createRole camera-hall')).toHaveLength(1)
  expect(lines).toContain('ctrl addClientRole c2 camera-hall')
})

test.for(['agents=a;reboot', 'agents=', 'cameras=c1', 'devices=a'])('fleet.mjs refuses %s', (group) => {
  expect(() => fleet(group)).toThrow(/Cannot print/)
})

test('certificates.sh makes what a broker needs, and a new certificate of the same authority', ({ skip }) => {
  const folder = mkdtempSync(join(tmpdir(), 'surgeon-certificates-'))
  const read = (name: string) => readFileSync(join(folder, name))
  const make = () =>
    execFileSync(script('certificates.sh'), [folder, 'broker.example', '192.168.1.10'], { stdio: 'pipe' })
  try {
    make()
  } catch (error) {
    skip((error as Error).message.includes('openssl: not found'), 'openssl is not installed')
    throw error
  }
  try {
    const ca = new X509Certificate(read('ca.crt'))
    const [first, second] = [
      new X509Certificate(read('server.crt')),
      make() && new X509Certificate(read('server.crt')),
    ]
    expect(second.serialNumber).not.toBe(first.serialNumber)
    for (const server of [first, second]) {
      expect(server.verify(ca.publicKey)).toBe(true)
      expect(server.checkHost('broker.example')).toBe('broker.example')
      expect(server.checkIP('192.168.1.10')).toBe('192.168.1.10')
    }
    createSecureContext({ ca: read('ca.crt'), cert: read('server.crt'), key: read('server.key') })
  } finally {
    rmSync(folder, { recursive: true })
  }
})
