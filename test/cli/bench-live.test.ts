import { expect, test } from 'vitest'
import type { DeviceAccount } from '../../bench/live/asked-device.ts'
import type { Live } from '../../bench/live/measure-live.ts'
import type { TransportRow } from '../../bench/transport/measure-transport.ts'
import { runSurgeon } from '../run-surgeon.ts'

const clean = { errors: {}, lost: 0, duplicates: 0 }

async function live(...options: string[]): Promise<Live> {
  const { code, out } = await runSurgeon('bench', 'live', '--edge-slowdown', '2', '--json', ...options)
  expect(code).toBe(0)
  return JSON.parse(out) as Live
}

function expectAll(account: DeviceAccount, count: number): void {
  expect(account).toMatchObject({ asked: count, answered: count, ...clean })
}

test('surgeon bench live: all is answered once, and no descriptor is left behind', async () => {
  const { surgeon, local, footprints } = await live('--uplink', '20', '--rate', '4', '--seconds', '4')
  expectAll(surgeon, 16)
  expectAll(local, 16)
  expect(local.byWorker).toBe(0)
  for (const { descriptors } of footprints)
    expect(descriptors.most - descriptors.early).toBeLessThanOrEqual(1)
})

test('surgeon bench live: behind workers that never answer the edge answers all', async () => {
  const { surgeon, swallowed } = await live(
    '--black-hole',
    '--uplink',
    '1000',
    '--rate',
    '4',
    '--seconds',
    '2',
  )
  expectAll(surgeon, 8)
  expect(surgeon.byWorker).toBe(0)
  expect(swallowed).toBeGreaterThan(0)
})

test('surgeon bench transport: frames of any size go there and back', async () => {
  const { code, out } = await runSurgeon(
    'bench',
    'transport',
    '--bytes',
    '1,300000',
    '--rounds',
    '5',
    '--json',
  )
  expect(code).toBe(0)
  const { rows } = JSON.parse(out) as { rows: TransportRow[] }
  expect(rows.map(({ bytes }) => bytes)).toEqual([1, 300_000])
  for (const { ratio } of rows) expect(ratio).toBeGreaterThan(0)
})
