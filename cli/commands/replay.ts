import { writeFile } from 'node:fs/promises'
import { arrivalTimes } from '../../lab/replay/arrivals.ts'
import { readLinkTrace } from '../../lab/replay/link-trace.ts'
import { policyNames, policyOf } from '../../lab/replay/policies/choose-policies.ts'
import { type PolicySummary, summarise } from '../../lab/replay/policy-summary.ts'
import { seededRandom } from '../../lab/replay/random.ts'
import { readPair } from '../../lab/replay/read-pair.ts'
import { readRecordedArrivals } from '../../lab/replay/recorded-arrivals.ts'
import { type PolicyRun, Replay, type ReplaySetting } from '../../lab/replay/replay.ts'
import { replayPage } from '../../lab/replay/replay-page.ts'
import { wholeMs } from '../../src/latency-model/profile.ts'
import { positiveNumber, readOptions, wholeNumber } from '../../src/terminal/options.ts'
import { grouped, textTable } from '../../src/terminal/text-table.ts'
import { UsageError } from '../../src/terminal/usage-error.ts'
import { replaySeedAuthor } from './replay-seed.ts'

/** Of a link that never changes. */
const constantSeconds = 60
/** Arrivals that are alone, at a third of what the edge can do by itself. */
const aloneShare = 1 / 3
const windowMs = 10_000
const regretIs =
  'Regret: time taken over the least that any plan would have taken for the request alone, everything known, less 1.'

/** Policies over a recorded link in virtual time; with `--seed-author` the talk's own reckoning. */
export async function replay(args: readonly string[]): Promise<number> {
  if (args.some((arg) => arg === '--seed-author' || arg.startsWith('--seed-author=')))
    return await replaySeedAuthor(args)
  const { values } = readOptions(args, {
    options: {
      trace: { type: 'string' },
      down: { type: 'string' },
      edge: { type: 'string' },
      backend: { type: 'string' },
      model: { type: 'string' },
      policies: { type: 'string', default: policyNames.join(',') },
      codecs: { type: 'string', default: 'float16,uint8' },
      rate: { type: 'string' },
      jitter: { type: 'string', default: '0.3' },
      burst: { type: 'string', default: '1' },
      poisson: { type: 'boolean', default: false },
      seed: { type: 'string', default: '1' },
      requests: { type: 'string' },
      seconds: { type: 'string' },
      rtt: { type: 'string', default: '40' },
      'input-bytes': { type: 'string', default: '17000' },
      'input-ms': { type: 'string', default: '6' },
      'picture-ms': { type: 'string', default: '2' },
      workers: { type: 'string', default: '1' },
      'worker-wait': { type: 'string', default: '0' },
      deadline: { type: 'string' },
      keep: { type: 'string', default: 'newest' },
      html: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  })
  const { trace, edge, backend, model, keep, deadline } = values
  if (trace === undefined || edge === undefined || backend === undefined || model === undefined)
    throw new UsageError('surgeon replay needs --trace, --edge, --backend and --model, or --seed-author DIR')
  if (keep !== 'newest' && keep !== 'all')
    throw new UsageError(`--keep must be newest or all, current value is ${keep}`)
  const names = values.policies.split(',')
  const unknown = names.find((name) => !policyNames.includes(name))
  if (unknown !== undefined)
    throw new UsageError(`--policies must be of ${policyNames.join(', ')}, current value is ${unknown}`)
  const uplink = await readLinkTrace(trace)
  const downlink = values.down === undefined ? uplink : await readLinkTrace(values.down)
  const featureCodecs = values.codecs.split(',').filter((name) => name !== '')
  const pair = await readPair({ edge, backend, model, featureCodecs })
  const inputBytes = wholeNumber(values['input-bytes'], '--input-bytes', 1)
  const localMs = wholeMs(pair.setup.profile)
  const lengthMs =
    values.seconds === undefined
      ? (uplink.lengthMs ?? 1000 * constantSeconds)
      : 1000 * positiveNumber(values.seconds, '--seconds')
  const ratePerS =
    values.rate === undefined ? (1000 * aloneShare) / localMs : positiveNumber(values.rate, '--rate')
  const jitter = atLeast0(values.jitter, '--jitter')
  if (jitter > 1) throw new UsageError(`--jitter must be at most 1, current value is ${values.jitter}`)
  const burst = wholeNumber(values.burst, '--burst', 1)
  const random = seededRandom(wholeNumber(values.seed, '--seed', 0))
  const times = arrivalTimes(values.poisson ? 'poisson' : 'camera', ratePerS, lengthMs, random, {
    jitter,
    burst,
  })
  const setting: ReplaySetting = {
    pair,
    uplink,
    downlink,
    roundTripMs: atLeast0(values.rtt, '--rtt'),
    inputMs: atLeast0(values['input-ms'], '--input-ms'),
    pictureMs: atLeast0(values['picture-ms'], '--picture-ms'),
    workers: wholeNumber(values.workers, '--workers', 1),
    workerWaitMs: atLeast0(values['worker-wait'], '--worker-wait'),
    arrivals:
      values.requests === undefined
        ? times.map((atMs) => ({ atMs, bytes: inputBytes }))
        : await readRecordedArrivals(values.requests),
    keep,
    deadlineMs: deadline === undefined ? undefined : positiveNumber(deadline, '--deadline'),
    timeLimitMs: Math.max(10_000, 3 * localMs),
  }
  if (setting.arrivals.length === 0)
    throw new UsageError('surgeon replay needs at least one request: --rate or --seconds must be higher')
  const played = new Replay(setting)
  const endMs = Math.max(values.requests === undefined ? lengthMs : 0, setting.arrivals.at(-1)!.atMs + 1)
  const leastMs = played.leastMs()
  const runs: PolicyRun[] = []
  for (const name of names) runs.push(await played.play(await policyOf(name, played)))
  const summaries = runs.map((run) => summarise(run, setting, leastMs, endMs))
  const windows = played.windowBounds(windowMs, endMs)
  const fluidBoundPerS = windows.reduce((sum, { boundPerS }) => sum + boundPerS, 0) / windows.length
  const offeredPerS = (1000 * setting.arrivals.length) / endMs
  const about = {
    model,
    trace: uplink.name,
    requests: setting.arrivals.length,
    offeredPerS,
    fluidBoundPerS,
    localMs,
  }
  const named = names.map((name, i) => ({ name, summary: summaries[i]! }))
  const said = `${model} over ${uplink.name}: ${grouped(about.requests)} requests, ${offeredPerS.toFixed(2)}/s; local takes ${grouped(localMs)} ms; any mix of plans can answer at most ${fluidBoundPerS.toFixed(2)}/s.`
  if (values.html !== undefined) {
    const title = `${model} over ${uplink.name}`
    const page = replayPage(played, runs, { title, said, table: tableRows(named), lengthMs: endMs })
    await writeFile(values.html, page)
  }
  if (values.json) {
    const policies = Object.fromEntries(named.map(({ name, summary }) => [name, summary]))
    console.log(JSON.stringify({ ...about, policies }, undefined, 2))
    return 0
  }
  console.log(textTable(tableRows(named)))
  console.log(`\n${said}\n${regretIs}`)
  return 0
}

function atLeast0(text: string, option: string): number {
  const value = text.trim() === '' ? Number.NaN : Number(text)
  if (!(value >= 0 && value < Infinity))
    throw new UsageError(`${option} must be a number of at least 0, current value is ${text}`)
  return value
}

function tableRows(
  rows: readonly { readonly name: string; readonly summary: PolicySummary }[],
): (string | number)[][] {
  const ms = (value: number) => (Number.isNaN(value) ? '-' : value.toFixed(0))
  const percent = (value: number) => (Number.isNaN(value) ? '-' : (100 * value).toFixed(1))
  return [
    [
      'policy',
      'answers/s',
      'shed',
      'failed',
      'mean ms',
      'p50',
      'p95',
      'p99',
      'late',
      'kB',
      'edge %',
      'switches',
      'regret %',
      'its p95',
    ],
    ...rows.map(({ name, summary }) => [
      name,
      summary.answersPerS.toFixed(2),
      summary.shed,
      summary.failed,
      ms(summary.meanMs),
      ms(summary.p50Ms),
      ms(summary.p95Ms),
      ms(summary.p99Ms),
      summary.deadlineMisses,
      grouped(summary.bytes / 1000),
      percent(summary.edgeShare),
      summary.switches,
      percent(summary.regretMean),
      percent(summary.regretP95),
    ]),
  ]
}
