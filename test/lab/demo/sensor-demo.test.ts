import { expect, test } from 'vitest'
import type { SensorPlay } from '../../../lab/demo/run-sensor-demo.ts'
import { runSurgeon } from '../../run-surgeon.ts'

test('surgeon demo --sensor names what the carrier does in nine windows of ten, wherever it is computed', async () => {
  const { code, out } = await runSurgeon('demo', '--sensor', '--json')
  const { plays } = JSON.parse(out) as { plays: SensorPlay[] }
  expect(plays.map(({ title }) => title)).toEqual(['surgeon', 'at the worker'])
  for (const { sent, answered, right, errors } of plays) {
    expect(errors).toEqual([])
    expect(answered).toBe(sent)
    expect(right).toBeGreaterThan(0.9)
  }
  expect(code).toBe(0)
})
