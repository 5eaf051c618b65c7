import { planName } from '../../src/scheduler/plan-point.ts'
import type { PolicyRun, ReplaySetting } from './replay.ts'
import type { SimulatedRequest } from './simulate.ts'

/** What became of a policy's requests. Milliseconds count from a request's arrival; NaN where nothing was answered. */
export interface PolicySummary {
  readonly answersPerS: number
  readonly answered: number
  readonly shed: number
  /** Neither answered nor shed. */
  readonly failed: number
  readonly meanMs: number
  readonly p50Ms: number
  readonly p95Ms: number
  readonly p99Ms: number
  /** Not answered, or later than the deadline; of all where there is none, those not answered. */
  readonly deadlineMisses: number
  /** Handed to the uplink, probes included. */
  readonly bytes: number
  /** Of the edge's engine. */
  readonly edgeShare: number
  /** How often a request had another plan than the one before. */
  readonly switches: number
  /**
   * Time taken over the least that any plan would have taken for the request alone, less 1; of what failed the time that
   * was waited. Shed requests have none.
   */
  readonly regretMean: number
  readonly regretP95: number
  readonly plans: Readonly<Record<string, number>>
}

/** @param leastMs by request, as `Replay.leastMs` has it. */
export function summarise(
  { requests, edgeBusyMs, sentBytes }: PolicyRun,
  { deadlineMs = Infinity, timeLimitMs }: Pick<ReplaySetting, 'deadlineMs' | 'timeLimitMs'>,
  leastMs: readonly number[],
  lengthMs: number,
): PolicySummary {
  const answered = requests.filter(isAnswered)
  const times = answered.map(({ trace }) => trace.measured.totalMs).toSorted((a, b) => a - b)
  const shed = requests.filter(isShed).length
  const regrets = requests.flatMap((request, i) => {
    if (isShed(request)) return []
    const ms = isAnswered(request) ? request.trace.measured.totalMs : timeLimitMs
    return ms / leastMs[i]! - 1
  })
  const sorted = regrets.toSorted((a, b) => a - b)
  const plans: Record<string, number> = {}
  let switches = 0
  let before: string | undefined
  for (const { trace } of requests) {
    if (trace.plan === undefined) continue
    const name = planName(trace.plan.chosen.point)
    plans[name] = (plans[name] ?? 0) + 1
    if (before !== undefined && before !== name) switches++
    before = name
  }
  return {
    answersPerS: (1000 * answered.length) / lengthMs,
    answered: answered.length,
    shed,
    failed: requests.length - answered.length - shed,
    meanMs: mean(times),
    p50Ms: quantile(times, 0.5),
    p95Ms: quantile(times, 0.95),
    p99Ms: quantile(times, 0.99),
    deadlineMisses: requests.length - times.filter((ms) => ms <= deadlineMs).length,
    bytes: sentBytes,
    edgeShare: edgeBusyMs / lengthMs,
    switches,
    regretMean: mean(regrets),
    regretP95: quantile(sorted, 0.95),
    plans,
  }
}

function isAnswered({ outcome }: SimulatedRequest): boolean {
  return outcome?.kind === 'answered'
}

function isShed({ outcome }: SimulatedRequest): boolean {
  return outcome?.kind === 'failed' && 'code' in outcome.error && outcome.error.code === 'shed'
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

/** Of ascending values. */
function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN
}
