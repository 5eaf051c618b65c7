import { existsSync } from 'node:fs'
import { arrivalTimes } from '../../lab/replay/arrivals.ts'
import { readLinkTrace } from '../../lab/replay/link-trace.ts'
import { policyOf } from '../../lab/replay/policies/choose-policies.ts'
import { summarise } from '../../lab/replay/policy-summary.ts'
import { seededRandom } from '../../lab/replay/random.ts'
import { readPair } from '../../lab/replay/read-pair.ts'
import { Replay, type ReplaySetting } from '../../lab/replay/replay.ts'
import { wholeMs } from '../../src/latency-model/profile.ts'

/** Everything that is combined with everything. */
export interface RegretMatrix {
  /** As `surgeon replay --trace` takes them; the downlink of NAME.up is NAME.down where that is there. */
  readonly traces: readonly string[]
  readonly models: readonly string[]
  readonly machines: readonly { readonly edge: string; readonly backend: string }[]
  readonly inputBytes: readonly number[]
  readonly workerWaitMs: readonly number[]
  /** What is offered, over what the edge can do by itself; 0 for requests alone. */
  readonly loads: readonly number[]
  readonly policies: readonly string[]
  readonly featureCodecs: readonly string[]
  readonly roundTripMs: number
  /** Of each trace, from its beginning. */
  readonly seconds: number
}

/** What a policy made of one case. */
export interface RegretRow {
  readonly trace: string
  readonly model: string
  readonly edge: string
  readonly inputBytes: number
  readonly workerWaitMs: number
  readonly load: number
  readonly policy: string
  readonly requests: number
  readonly regretMean: number
  readonly regretP95: number
  readonly meanMs: number
  readonly p95Ms: number
  /** Answered, over the least of what came and what any mix of plans could have answered. */
  readonly shareOfBound: number
}

/** Of the edge's capacity, so that no request meets another. */
const aloneShare = 1 / 3
const inputMs = 6
const pictureMs = 2
const windowMs = 10_000
/** Of a link that never changes. */
const constantMs = 60_000

/** Plays every case under every policy, case by case. Deterministic. */
export async function* playMatrix(matrix: RegretMatrix): AsyncGenerator<RegretRow> {
  for (const trace of matrix.traces) {
    const uplink = await readLinkTrace(trace)
    const down = trace.replace(/\.up$/, '.down')
    const downlink = existsSync(down) ? await readLinkTrace(down) : uplink
    const lengthMs = Math.min(uplink.lengthMs ?? constantMs, 1000 * matrix.seconds)
    for (const model of matrix.models)
      for (const { edge, backend } of matrix.machines) {
        const pair = await readPair({ edge, backend, model, featureCodecs: matrix.featureCodecs })
        const localMs = wholeMs(pair.setup.profile)
        for (const bytes of matrix.inputBytes)
          for (const workerWaitMs of matrix.workerWaitMs)
            for (const load of matrix.loads) {
              const perS = ((load === 0 ? aloneShare : load) * 1000) / localMs
              const times = arrivalTimes('camera', perS, lengthMs, seededRandom(1))
              if (times.length === 0) continue
              const setting: ReplaySetting = {
                pair,
                uplink,
                downlink,
                roundTripMs: matrix.roundTripMs,
                inputMs,
                pictureMs,
                workers: 1,
                workerWaitMs,
                arrivals: times.map((atMs) => ({ atMs, bytes })),
                keep: load === 0 ? 'all' : 'newest',
                timeLimitMs: Math.max(10_000, 3 * localMs),
              }
              const about = { trace: uplink.name, model, edge, inputBytes: bytes, workerWaitMs, load }
              for await (const row of playCase(setting, matrix.policies, lengthMs)) yield { ...about, ...row }
            }
      }
  }
}

async function* playCase(setting: ReplaySetting, policies: readonly string[], lengthMs: number) {
  const replay = new Replay(setting)
  const leastMs = replay.leastMs()
  const requests = setting.arrivals.length
  const windows = replay.windowBounds(windowMs, lengthMs)
  const possible = windows.reduce((sum, { fromMs, boundPerS }, i) => {
    const toMs = windows[i + 1]?.fromMs ?? lengthMs
    const offered = setting.arrivals.filter(({ atMs }) => atMs >= fromMs && atMs < toMs).length
    return sum + Math.min(offered, (boundPerS * (toMs - fromMs)) / 1000)
  }, 0)
  for (const policy of policies) {
    const run = await replay.play(await policyOf(policy, replay))
    const { regretMean, regretP95, meanMs, p95Ms, answered } = summarise(run, setting, leastMs, lengthMs)
    yield { policy, requests, regretMean, regretP95, meanMs, p95Ms, shareOfBound: answered / possible }
  }
}
