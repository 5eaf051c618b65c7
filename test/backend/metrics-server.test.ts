import { expect, test } from 'vitest'
import { MetricsServer, type WorkerFigures } from '../../backend/metrics-server.ts'

async function told(figures: WorkerFigures, path: string, method = 'GET') {
  const server = new MetricsServer({ port: 0, address: '127.0.0.1' }, 'w"1', () => figures)
  const url = await server.start()
  try {
    const response = await fetch(`${url}${path}`, { method })
    return { status: response.status, text: await response.text() }
  } finally {
    await server.stop()
    await server.stop()
  }
}

const figures: WorkerFigures = { isOnline: true, queueMs: 1250, waitingBytes: 4096, models: 2 }

test('MetricsServer tells what a worker is about in the units of Prometheus', async () => {
  const { status, text } = await told(figures, '/metrics')
  expect(status).toBe(200)
  expect(text).toContain('# TYPE surgeon_worker_queue_seconds gauge\n')
  expect(text.split('\n').filter((line) => !line.startsWith('#'))).toEqual([
    'surgeon_worker_online{worker="w\\"1"} 1',
    'surgeon_worker_queue_seconds{worker="w\\"1"} 1.25',
    'surgeon_worker_waiting_bytes{worker="w\\"1"} 4096',
    'surgeon_worker_models{worker="w\\"1"} 2',
    '',
  ])
})

test('MetricsServer tells whether requests are taken', async () => {
  expect(await told(figures, '/ready')).toEqual({ status: 200, text: 'ready\n' })
  expect((await told({ ...figures, isOnline: false }, '/ready')).status).toBe(503)
  expect((await told(figures, '/ready', 'POST')).status).toBe(405)
  expect((await told(figures, '/')).status).toBe(404)
})
