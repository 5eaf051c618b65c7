import { expect, test, vi } from 'vitest'
import { MachineMonitor } from '../../src/bandwidth-probe/machine-monitor.ts'
import { patienceMs } from '../patience.ts'

test('load and memory are of this machine, and unknown before they are sampled', async () => {
  const monitor = new MachineMonitor()
  expect(monitor).toMatchObject({ load: undefined, availableMemoryBytes: undefined })
  monitor.start()
  try {
    await vi.waitFor(() => expect(monitor.load).toBeDefined(), { timeout: patienceMs, interval: 100 })
  } finally {
    monitor.stop()
  }
  expect(monitor.load).toBeGreaterThanOrEqual(0)
  expect(monitor.load).toBeLessThanOrEqual(1)
  expect(monitor.availableMemoryBytes).toBeGreaterThan(1e6)
})
