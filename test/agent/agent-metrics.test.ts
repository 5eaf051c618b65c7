import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { type AgentFigures, agentMetrics } from '../../agent/agent-metrics.ts'
import { RequestTally } from '../../agent/request-tally.ts'
import { discoveryMessage } from '../../src/home-assistant/discovery.ts'
import { metricValues } from '../../src/telemetry/metric.ts'
import { prometheusName, prometheusText } from '../../src/telemetry/prometheus-text.ts'
import type { RequestRecord } from '../../src/telemetry/request-record.ts'
import { repositoryRoot } from '../paths.ts'

const record: RequestRecord = {
  id: 'n0',
  stream: 'default',
  model: 'm',
  arrivedAt: 1,
  input: { bytes: 10 },
  plan: {
    wound: 'input',
    codec: 'received',
    worker: 'w',
    predicted: { edgeMs: 0, remoteMs: 30, remoteDeviationMs: 1, localMs: 80, expectedMs: 30 },
    edgeFactor: 1,
    edgeWaitMs: 0,
  },
  measured: { totalMs: 40.123456, sentBytes: 1000 },
  outcome: { kind: 'answered', finishedAt: 'worker' },
}

function figures(changes: Partial<AgentFigures> = {}): AgentFigures {
  return {
    tally: new RequestTally(),
    link: { kind: 'unknown' },
    wireSentBytes: 0,
    wireReceivedBytes: 0,
    inWork: 0,
    workers: 0,
    edgeFactor: 1.23456,
    engineRestarts: 0,
    engine: { configured: 'onnxruntime', used: 'onnxruntime' },
    compiledInMemory: false,
    cpuLoad: undefined,
    linkChanges: 0,
    cpuTemperatureC: undefined,
    cpuFrequencyHz: undefined,
    isCpuThrottled: undefined,
    memoryAvailableBytes: undefined,
    eventLoopP99Ms: 0.123456,
    rssBytes: 200e6,
    uptimeS: 12.3,
    certificateDays: undefined,
    ...changes,
  }
}

const shed = { kind: 'refused', code: 'shed', message: '' } as const

const busy = (): AgentFigures => {
  const tally = new RequestTally()
  tally.record(record)
  tally.record({ ...record, outcome: { kind: 'failed', code: 'timeout', message: '' } })
  tally.record({ ...record, measured: { totalMs: 0, sentBytes: 0 }, outcome: shed })
  const link = {
    uplinkBps: 8e6,
    downlinkBps: 8e6,
    roundTripMs: 12.3456,
    backlogBytes: 0,
    relativeDeviation: 0.1,
  }
  return figures({
    tally,
    link: { kind: 'up', ...link },
    cpuLoad: 0.5,
    cpuTemperatureC: 51.26,
    cpuFrequencyHz: 1.5e9,
    isCpuThrottled: true,
    memoryAvailableBytes: 1.5e9,
    certificateDays: 30,
  })
}

test('what is not known is left out, and numbers have the digits that they mean', () => {
  const unknown = metricValues(agentMetrics, figures())
  for (const key of [
    'uplink_bps',
    'round_trip_ms',
    'cpu_load',
    'cpu_temperature_c',
    'cpu_frequency_hz',
    'cpu_throttled',
    'memory_available_bytes',
    'answer_mean_ms',
  ])
    expect(unknown).not.toHaveProperty(key)
  expect(unknown).toMatchObject({ link_up: 0, edge_slowdown: 1.235, answered: 0 })
  const { link } = busy()
  const guessed = metricValues(agentMetrics, { ...busy(), link: { ...link, isGuess: true } as typeof link })
  expect(guessed).toMatchObject({ link_up: 1 })
  expect(guessed).not.toHaveProperty('uplink_bps')
  expect(guessed).not.toHaveProperty('round_trip_ms')
  expect(metricValues(agentMetrics, busy())).toMatchObject({
    answered: 1,
    failed: 1,
    shed: 1,
    finished_at_worker: 1,
    sent_bytes: 2000,
    wire_sent_bytes: 0,
    wire_received_bytes: 0,
    answer_mean_ms: 40.12,
    prediction_error_ms: 10.12,
    uplink_bps: 8_000_000,
    round_trip_ms: 12.35,
    cpu_temperature_c: 51.3,
    cpu_frequency_hz: 1_500_000_000,
    cpu_throttled: 1,
  })
})

test('the flat object has at most 2 kB, whatever it counts', () => {
  const huge = metricValues(agentMetrics, busy())
  const longest = Object.fromEntries(Object.keys(huge).map((key) => [key, 123_456_789_012.123]))
  expect(Object.keys(huge)).toHaveLength(agentMetrics.length)
  expect(JSON.stringify({ ts: Date.now(), ...longest }).length).toBeLessThanOrEqual(2048)
})

test("Prometheus' own checker finds nothing", async ({ skip }) => {
  const text = prometheusText(agentMetrics, [
    { labels: { device: 'a "quoted"\nname\\', model: 'm' }, figures: busy() },
    { labels: { device: 'a', model: 'another' }, figures: busy() },
  ])
  expect(text).toContain('surgeon_answer_mean_seconds{device="a \\"quoted\\"\\nname\\\\",model="m"} 0.040')
  expect(text).toContain('surgeon_uplink_bytes_per_second{')
  const checked = await new Promise<{ missing: boolean; out: string }>((resolve) => {
    const child = execFile('promtool', ['check', 'metrics'], (error, out, err) =>
      resolve({
        missing: error?.code === 'ENOENT',
        out: `${error === null ? '' : error.message}${out}${err}`,
      }),
    )
    child.stdin!.on('error', () => undefined)
    child.stdin!.end(text)
  })
  skip(checked.missing, 'promtool is not installed')
  expect(checked.out).toBe('')
})

test('Home Assistant is told of the answers of each stream', () => {
  const topics = { state: 's', metrics: 'm', result: 'r' }
  const { cmps } = discoveryMessage(
    { device: 'pi-1', version: '1', model: 'm', topics, streams: ['front door', 'yard'] },
    agentMetrics,
  )
  expect(cmps).toMatchObject({
    answer_front_door: { name: 'Answer front door', state_topic: 'r/front door' },
    probability_front_door: { state_topic: 'r/front door' },
    answer_yard: { state_topic: 'r/yard', json_attributes_topic: 'r/yard' },
  })
})

test('Home Assistant is told of every metric, with states it can show', () => {
  const topics = { state: 's', metrics: 'm', result: 'r' }
  const message = discoveryMessage(
    { device: 'pi 1', version: '1', model: 'm', topics, streams: [] },
    agentMetrics,
  )
  const components = message['cmps'] as Record<string, Record<string, string>>
  expect(Object.keys(components)).toEqual(['answer', 'probability', ...agentMetrics.map(({ key }) => key)])
  expect(components['answered']).toMatchObject({ state_class: 'total_increasing', state_topic: 'm' })
  expect(components['link_up']).toMatchObject({ p: 'binary_sensor' })
  const ids = Object.values(components).map(({ unique_id }) => unique_id)
  expect(new Set(ids).size).toBe(ids.length)
  expect(ids.every((id) => /^surgeon_pi_1_[a-z0-9_]+$/.test(id!))).toBe(true)
})

test('docs/metrics.md and the Grafana dashboard know every metric, and no other', async () => {
  const read = (file: string) => readFile(new URL(file, repositoryRoot), 'utf8')
  const rows = agentMetrics.map(
    (metric) => `| \`${metric.key}\` | \`${prometheusName(metric)}\` | ${metric.kind} | ${metric.help} |`,
  )
  const documented = (await read('docs/metrics.md')).split('\n').filter((line) => line.startsWith('| `'))
  expect(documented.map((line) => line.replaceAll(/ +\|/g, ' |'))).toEqual(rows)
  const names = new Set(agentMetrics.map(prometheusName))
  const used = new Set((await read('deploy/grafana/surgeon.json')).match(/\bsurgeon_[a-z0-9_]+/g))
  expect([...used].filter((name) => !names.has(name))).toEqual([])
  expect(used.size).toBeGreaterThan(10)
})
