import { expect, test } from 'vitest'
import type { LinkSettings } from '../../lab/link-emulator.ts'
import { runLinkSchedule } from '../../lab/link-schedule.ts'

function virtualLink() {
  let nowMs = 1000
  const applied: [number, LinkSettings][] = []
  return {
    applied,
    emulator: { set: (settings: LinkSettings) => void applied.push([nowMs, settings]) },
    clock: () => nowMs,
    // Every wait comes out 3 ms late, as timers do.
    wait: async (ms: number) => {
      nowMs += ms + 3
    },
  }
}

test('runLinkSchedule applies steps in order, and lateness does not add up', async () => {
  const { emulator, applied, clock, wait } = virtualLink()
  const steps = [
    { atMs: 0, uplinkBps: 1e6 },
    { atMs: 100, uplinkBps: 0, downlinkBps: 0 },
    { atMs: 100, oneWayDelayMs: 5 },
    { atMs: 200, uplinkBps: 2e6 },
  ]
  await expect(runLinkSchedule(emulator, steps, { clock, wait })).resolves.toBe(4)
  expect(applied).toEqual([
    [1000, { uplinkBps: 1e6 }],
    [1103, { uplinkBps: 0, downlinkBps: 0 }],
    [1103, { oneWayDelayMs: 5 }],
    [1203, { uplinkBps: 2e6 }],
  ])
})

test('runLinkSchedule stops where it is aborted, with its own timer as well', async () => {
  const { emulator, applied } = virtualLink()
  const abort = new AbortController()
  const run = runLinkSchedule(
    emulator,
    [
      { atMs: 0, uplinkBps: 1 },
      { atMs: 1e8, uplinkBps: 2 },
    ],
    { signal: abort.signal },
  )
  abort.abort()
  await expect(run).resolves.toBe(1)
  expect(applied).toHaveLength(1)
})

test('runLinkSchedule refuses a schedule out of order before it changes anything', async () => {
  const { emulator, applied } = virtualLink()
  await expect(runLinkSchedule(emulator, [{ atMs: 5 }, { atMs: 4 }])).rejects.toThrow(
    'Cannot run the link schedule: atMs of step 2 must be >= 5, current value is 4',
  )
  expect(applied).toEqual([])
})
