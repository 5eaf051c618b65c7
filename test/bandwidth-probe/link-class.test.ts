import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { parseKernelNumber, readKernelNumber } from '../../src/bandwidth-probe/kernel-number.ts'
import { interfaceWith, type LinkClass, linkClassOf } from '../../src/bandwidth-probe/link-class.ts'

const directory = await mkdtemp(join(tmpdir(), 'surgeon-net-'))
afterAll(() => rm(directory, { recursive: true }))

/** As Linux 6 has them; what ends in a slash is a directory. */
const seen: readonly [LinkClass, string, Readonly<Record<string, string>>][] = [
  ['ethernet', 'eth0', { type: '1\n', uevent: 'INTERFACE=eth0\nIFINDEX=2\n', 'device/': '' }],
  ['wifi', 'wlan0', { type: '1\n', uevent: 'DEVTYPE=wlan\nINTERFACE=wlan0\n', 'device/': '' }],
  ['wifi', 'wlp3s0', { type: '1\n', uevent: 'INTERFACE=wlp3s0\n', 'phy80211/': '', 'device/': '' }],
  ['wifi', 'wlan1', { type: '1\n', uevent: '', 'wireless/': '' }],
  // A modem that looks like Ethernet, and one that does not.
  ['cellular', 'wwan0', { type: '1\n', uevent: 'DEVTYPE=wwan\nINTERFACE=wwan0\n', 'device/': '' }],
  ['cellular', 'wwan1', { type: '519\n', uevent: 'INTERFACE=wwan1\n', 'device/': '' }],
  ['loopback', 'lo', { type: '772\n', uevent: 'INTERFACE=lo\n' }],
  ['unknown', 'ppp0', { type: '512\n', uevent: 'DEVTYPE=ppp\nINTERFACE=ppp0\n' }],
  ['unknown', 'wg0', { type: '65534\n', uevent: 'DEVTYPE=wireguard\n' }],
  ['unknown', 'br0', { type: '1\n', uevent: 'DEVTYPE=bridge\n' }],
  ['unknown', 'veth0', { type: '1\n', uevent: 'INTERFACE=veth0\n' }],
  ['unknown', 'empty', { type: '', uevent: '', 'device/': '' }],
  ['unknown', 'damaged', { type: 'one', uevent: 'DEVTYPE=wlan', 'device/': '' }],
]

test.each(seen)('linkClassOf() says %s of %s', async (linkClass, name, files) => {
  await mkdir(join(directory, name))
  for (const [file, text] of Object.entries(files)) {
    const path = join(directory, name, file)
    await (file.endsWith('/') ? mkdir(path) : writeFile(path, text))
  }
  expect(await linkClassOf(name, directory)).toBe(linkClass)
})

test('linkClassOf() says unknown of an interface that is not there, and of a machine without /sys', async () => {
  expect(await linkClassOf('eth9', directory)).toBe('unknown')
  expect(await linkClassOf('eth0', join(directory, 'nowhere'))).toBe('unknown')
})

test('interfaceWith() finds the interface of an address, in whichever form a socket writes it', () => {
  const common = { netmask: '', mac: '', internal: false, cidr: null }
  const interfaces = {
    lo: [{ ...common, address: '127.0.0.1', family: 'IPv4' as const }],
    wlan0: [
      { ...common, address: '192.168.1.7', family: 'IPv4' as const },
      { ...common, address: 'fd00::2', family: 'IPv6' as const, scopeid: 0 },
    ],
    down: undefined,
  }
  expect(interfaceWith('192.168.1.7', interfaces)).toBe('wlan0')
  expect(interfaceWith('::ffff:192.168.1.7', interfaces)).toBe('wlan0')
  expect(interfaceWith('fd00::2', interfaces)).toBe('wlan0')
  expect(interfaceWith('127.0.0.1', interfaces)).toBe('lo')
  expect(interfaceWith('10.0.0.1', interfaces)).toBeUndefined()
  // This machine's own.
  expect(interfaceWith('127.0.0.1')).toBeTypeOf('string')
})

test('parseKernelNumber() takes whole numbers only: nothing and nonsense are unknown, not 0', () => {
  expect(parseKernelNumber('48312\n')).toBe(48_312)
  expect(parseKernelNumber('-4000\n')).toBe(-4000)
  expect(parseKernelNumber('0')).toBe(0)
  expect(parseKernelNumber('50005\n', 16)).toBe(0x50005)
  expect(parseKernelNumber('0x50005', 16)).toBe(0x50005)
  for (const text of ['', '\n', ' ', 'unknown', '1.5', '12 34', '9'.repeat(30)])
    expect(parseKernelNumber(text)).toBeUndefined()
  expect(parseKernelNumber('xyz', 16)).toBeUndefined()
})

test('readKernelNumber() does not know what it cannot read', async () => {
  expect(await readKernelNumber(join(directory, 'nowhere'))).toBeUndefined()
  expect(await readKernelNumber(directory)).toBeUndefined()
})
