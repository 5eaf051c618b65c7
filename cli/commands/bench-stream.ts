import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { measuredEdge } from '../../api/measured-edge.ts'
import { boardPair } from '../../bench/stream/board-pair.ts'
import { type StreamRow, streamRow } from '../../bench/stream/stream-table.ts'
import { type LiveStreamRow, liveStreams } from '../../lab/demo/live-streams.ts'
import { stderrLog } from '../../src/telemetry/stderr-log.ts'
import { positiveNumber, readOptions, wholeNumber } from '../../src/terminal/options.ts'
import { textTable } from '../../src/terminal/text-table.ts'

const arrivalKinds = ['camera', 'poisson'] as const

/** Streams over constant links in virtual time, by an agent on a board as fast as given, with workers that are faster. */
export async function benchStream(args: readonly string[]): Promise<number> {
  const { values } = readOptions(args, {
    options: {
      models: { type: 'string', default: 'mobilenetv2' },
      'edge-ms': { type: 'string', default: '100' },
      uplinks: { type: 'string', default: '0.25,0.5,1,2,4,8' },
      loads: { type: 'string', default: '0.3,0.6,0.9,1.3,3' },
      'backend-ms': { type: 'string', default: '8' },
      'input-bytes': { type: 'string', default: '20000' },
      rtt: { type: 'string', default: '40' },
      workers: { type: 'string', default: '2' },
      seconds: { type: 'string', default: '20' },
      live: { type: 'boolean', default: false },
      fps: { type: 'string', default: '10,30' },
      json: { type: 'boolean', default: false },
    },
  })
  if (values.live) return live(values)
  const machines = {
    boardMs: positiveNumber(values['edge-ms'], '--edge-ms'),
    backendMs: positiveNumber(values['backend-ms'], '--backend-ms'),
  }
  const inputBytes = positiveNumber(values['input-bytes'], '--input-bytes')
  const roundTripMs = positiveNumber(values.rtt, '--rtt')
  const workers = wholeNumber(values.workers, '--workers', 1)
  const seconds = positiveNumber(values.seconds, '--seconds')
  const uplinks = numbers(values.uplinks, '--uplinks')
  const loads = numbers(values.loads, '--loads')
  const rows: StreamRow[] = []
  for (const model of values.models.split(',')) {
    const pair = boardPair(await measuredHere(model), machines)
    for (const mbps of uplinks)
      for (const arrivals of arrivalKinds)
        for (const load of loads) {
          const world = { pair, inputBytes, uplinkMbps: mbps, roundTripMs, workers }
          rows.push(await streamRow(model, world, arrivals, load, seconds))
        }
  }
  console.log(values.json ? JSON.stringify({ rows }, undefined, 2) : table(rows))
  return 0
}

/** The few rows that real processes play in real time, on an edge as slow as a Raspberry Pi 4. */
async function live(values: {
  uplinks: string
  fps: string
  seconds: string
  json: boolean
}): Promise<number> {
  const over = new AbortController()
  const onSignal = () => over.abort(new Error('Stopped by a signal'))
  process.once('SIGINT', onSignal)
  process.once('SIGTERM', onSignal)
  const rows = await liveStreams({
    board: 'pi4',
    edgeSlowdown: undefined,
    uplinksMbps: numbers(values.uplinks, '--uplinks'),
    framesPerS: numbers(values.fps, '--fps'),
    seconds: positiveNumber(values.seconds, '--seconds'),
    print: (line) => console.error(line),
    signal: over.signal,
  })
  console.log(values.json ? JSON.stringify({ rows }, undefined, 2) : liveTable(rows))
  return 0
}

function liveTable(rows: readonly LiveStreamRow[]): string {
  const head = [
    'Mbps',
    'offered/s',
    'bound/s',
    'answered/s',
    'of bound',
    'p50 ms',
    'p95 ms',
    'left out',
    'lost',
  ]
  return textTable([
    [...head, 'plans'],
    ...rows.map((row) => [
      row.uplinkMbps,
      row.offeredPerS.toFixed(1),
      row.boundPerS.toFixed(1),
      row.answersPerS.toFixed(1),
      `${(100 * row.shareOfBound).toFixed(0)} %`,
      row.p50Ms.toFixed(0),
      row.p95Ms.toFixed(0),
      row.shed,
      row.lost,
      shares(row.plans),
    ]),
  ])
}

function numbers(text: string, option: string): number[] {
  return text.split(',').map((part) => positiveNumber(part, option))
}

async function measuredHere(model: string) {
  const stateDirectory = await mkdtemp(join(tmpdir(), 'surgeon-bench-'))
  try {
    const choice = { model, engine: 'onnxruntime', threads: 1, stateDirectory } as const
    return await measuredEdge(choice, stderrLog('edge'))
  } finally {
    await rm(stateDirectory, { recursive: true, force: true })
  }
}

function table(rows: readonly StreamRow[]): string {
  return textTable([
    [
      'model',
      'Mbps',
      'arrivals',
      'offered/s',
      'bound/s',
      'answered/s',
      'single/s',
      'p50 ms',
      'p95 ms',
      'plans',
    ],
    ...rows.map((row) => [
      row.model,
      row.uplinkMbps,
      row.arrivals,
      row.offeredPerS.toFixed(1),
      row.boundPerS.toFixed(1),
      row.answeredPerS.toFixed(1),
      row.bestSinglePerS.toFixed(1),
      row.p50Ms.toFixed(0),
      row.p95Ms.toFixed(0),
      shares(row.plans),
    ]),
  ])
}

/** The three plans that were taken most. */
function shares(plans: Readonly<Record<string, number>>): string {
  const all = Object.values(plans).reduce((sum, count) => sum + count, 0)
  return Object.entries(plans)
    .toSorted(([, a], [, b]) => b - a)
    .map(([name, count]) => `${name} ${Math.round((100 * count) / all)} %`)
    .slice(0, 3)
    .join(', ')
}
