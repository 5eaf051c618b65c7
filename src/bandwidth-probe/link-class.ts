import { access, readFile } from 'node:fs/promises'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { readKernelNumber } from './kernel-number.ts'

/** What carries the packets first. What the machine does not tell, or what says nothing of it (a tunnel), is unknown. */
export type LinkClass = 'ethernet' | 'wifi' | 'cellular' | 'loopback' | 'unknown'

/** ARPHRD_* of Linux's if_arp.h. */
const etherType = 1
const loopbackType = 772
const rawIpType = 519

/** The network interface that has an address of this machine; undefined where none has. */
export function interfaceWith(address: string, interfaces = networkInterfaces()): string | undefined {
  // A socket that speaks both families writes the older one's addresses in the newer one's form.
  const plain = address.replace(/^::ffff:/i, '')
  const found = Object.entries(interfaces).find(([, addresses = []]) =>
    addresses.some((each) => each.address === plain),
  )
  return found?.[0]
}

/**
 * What Linux says of an interface in /sys/class/net (Documentation/ABI/testing/sysfs-class-net): its drivers declare
 * modems and radios in `uevent`, also those that look like Ethernet; of the rest only what has a device of its own is a
 * cable. A modem behind PPP cannot be told from a telephone line.
 */
export async function linkClassOf(name: string, directory = '/sys/class/net'): Promise<LinkClass> {
  const text = (file: string) => readFile(join(directory, name, file), 'utf8').catch(() => '')
  const has = (file: string) =>
    access(join(directory, name, file)).then(
      () => true,
      () => false,
    )
  const kind = /^DEVTYPE=(.*)$/m.exec(await text('uevent'))?.[1]
  const type = await readKernelNumber(join(directory, name, 'type'))
  if (type === undefined) return 'unknown'
  if (kind === 'wwan' || type === rawIpType) return 'cellular'
  if (kind === 'wlan' || (await has('phy80211')) || (await has('wireless'))) return 'wifi'
  if (type === loopbackType) return 'loopback'
  return type === etherType && kind === undefined && (await has('device')) ? 'ethernet' : 'unknown'
}
