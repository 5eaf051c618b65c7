import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { freePort } from '../../lab/free-port.ts'
import { startEmbedded } from '../brokers/embedded.ts'
import { isInstalled } from '../is-installed.ts'
import { bundledPhoto } from '../model-input.ts'
import { endToEnd, stateTopic } from './stage.ts'

const device = 'pi'

/** Prometheus, which scrapes these every second; `value` is of the one series that a query finds, once it has found one. */
async function prometheus(targets: readonly string[]) {
  const folder = await mkdtemp(join(tmpdir(), 'surgeon-prometheus-'))
  const file = join(folder, 'prometheus.yml')
  await writeFile(
    file,
    JSON.stringify({
      global: { scrape_interval: '1s', scrape_timeout: '1s' },
      scrape_configs: [{ job_name: 'surgeon', static_configs: [{ targets }] }],
    }),
  )
  const address = `127.0.0.1:${await freePort()}`
  const child = spawn(
    'prometheus',
    [
      `--config.file=${file}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=${address}`,
    ],
    { stdio: 'ignore' },
  )
  const exit = once(child, 'exit')
  return {
    async value(query: string): Promise<number> {
      for (;;) {
        const url = `http://${address}/api/v1/query?query=${encodeURIComponent(query)}`
        const answer = await fetch(url).then(
          (response) => response.json() as Promise<{ data: { result: { value: [number, string] }[] } }>,
          () => undefined,
        )
        const found = answer?.data.result[0]
        if (found !== undefined) return Number(found.value[1])
        await delay(100)
      }
    },
    async stop() {
      child.kill()
      await exit
      await rm(folder, { recursive: true, force: true })
    },
  }
}

test('Prometheus scrapes an agent and a worker', async ({ skip }) => {
  skip(!(await isInstalled('prometheus')), 'prometheus is not installed')
  const agentPort = await freePort()
  const workerPort = await freePort()
  const running = await endToEnd(startEmbedded)
  const scraper = await prometheus([`127.0.0.1:${agentPort}`, `127.0.0.1:${workerPort}`])
  try {
    const worker = await running.start('worker', { worker: 'pool', metrics: { port: workerPort } })
    const agent = await running.start('agent', { device, dashboard: { port: agentPort } })
    const online = running.message(stateTopic.agent(device), (text) => text.includes('online'))
    await Promise.race([online, agent.ended, worker.ended])
    await running.ask(device, await readFile(bundledPhoto('cat')))
    expect(await scraper.value('surgeon_answered_total{device="pi"} > 0')).toBe(1)
    expect(await scraper.value('surgeon_worker_models{worker="pool"} > 0')).toBe(1)
  } finally {
    await scraper.stop()
    await running.close()
  }
})
