import { setTimeout as delay } from 'node:timers/promises'
import { readOptions } from '../../src/terminal/options.ts'
import { textTable } from '../../src/terminal/text-table.ts'
import { deviceOf, everyDeviceTopic, everyWorkerTopic, workerOf } from '../../src/transport/topics.ts'
import { brokerAccess, brokerOptions, withBroker } from '../broker-access.ts'

const connectMs = 5000
/** In which the broker sends what it has retained. */
const retainedMs = 1000

interface Device {
  state?: { readonly state?: string; readonly model?: string; readonly engine?: string }
  metrics?: Readonly<Record<string, number>>
}

/** Agents and workers at a broker, by what is retained there. 1 where no agent is online, or not the one asked for. */
export async function status(args: readonly string[]): Promise<number> {
  const { values } = readOptions(args, { options: { ...brokerOptions, json: { type: 'boolean' } } })
  const { endpoint, topicPrefix, device } = await brokerAccess(values, 'status')
  const devices = new Map<string, Device>()
  const workers = new Map<string, unknown>()
  await withBroker(endpoint, connectMs, async (session) => {
    for (const leaf of ['state', 'metrics'] as const) {
      await session.subscribe(everyDeviceTopic(leaf, topicPrefix), ({ topic, payload }) => {
        const name = deviceOf(topic, leaf, topicPrefix)
        if (name !== undefined) devices.set(name, { ...devices.get(name), [leaf]: parsed(payload) })
      })
    }
    await session.subscribe(everyWorkerTopic('state', topicPrefix), ({ topic, payload }) => {
      const name = workerOf(topic, 'state', topicPrefix)
      if (name !== undefined && payload.length > 0) workers.set(name, parsed(payload))
    })
    await delay(retainedMs)
  })
  if (values.json === true) {
    const document = { devices: Object.fromEntries(devices), workers: Object.fromEntries(workers) }
    console.log(JSON.stringify(document, undefined, 2))
  } else console.log(tables(endpoint.url, devices, workers))
  const wanted = device === undefined ? [...devices.values()] : [devices.get(device)]
  return wanted.some((one) => one?.state?.state === 'online') ? 0 : 1
}

function parsed(payload: Uint8Array): Record<string, never> {
  try {
    return JSON.parse(Buffer.from(payload).toString()) as Record<string, never>
  } catch {
    return {}
  }
}

function tables(
  url: string,
  devices: ReadonlyMap<string, Device>,
  workers: ReadonlyMap<string, unknown>,
): string {
  const number = (value: number | undefined, show: (value: number) => string) =>
    value === undefined ? '-' : show(value)
  const rows = [...devices].map(([name, { state, metrics = {} }]) => {
    const { answered, failed, answer_mean_ms, uplink_bps, workers: seen } = metrics
    return [
      name,
      state?.state ?? 'unknown',
      state?.model ?? '-',
      number(answered, String),
      number(failed, String),
      number(answer_mean_ms, (ms) => `${ms.toFixed(0)} ms`),
      number(uplink_bps, (bps) => `${(bps / 1e6).toPrecision(3)} Mbps`),
      number(seen, String),
    ]
  })
  const head = ['agent', 'state', 'model', 'answered', 'failed', 'mean', 'uplink', 'workers']
  const pool = [...workers].map(([name, said]) => {
    const { models = [] } = said as { models?: readonly { name: string; queueMs: number }[] }
    return [name, models.map((model) => `${model.name} (queue ${model.queueMs} ms)`).join(', ') || 'nothing']
  })
  return [
    `Broker ${url}`,
    '',
    rows.length === 0 ? 'No agent has been here.' : textTable([head, ...rows]),
    '',
    pool.length === 0 ? 'No worker is here.' : textTable([['worker', 'serves'], ...pool]),
  ].join('\n')
}
