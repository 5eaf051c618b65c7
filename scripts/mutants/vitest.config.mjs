import { defineConfig } from 'vitest/config'

// What decides is tried without processes, brokers or engines.
const decides = [
  'scheduler/**/*',
  'api/plan-mix',
  'latency-model/{edge-belief,worker-belief,live-slowdown,promised-work}',
  'bandwidth-probe/*',
  'executor/{run-queue,run-queue-properties,run-forecast,run-dispatcher}',
  'backend/request-queue',
  'agent/workers',
]

export default defineConfig({
  test: { include: decides.map((name) => `dist/test/${name}.test.js`), testTimeout: 60_000 },
})
