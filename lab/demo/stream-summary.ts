import { quantile } from 'simple-statistics'
import { type PolicyName, type Scenario, streamPolicies } from './scenario.ts'
import type { Row } from './summary.ts'

/** What became of the frames that came in one phase of the link. */
export interface PhaseSummary {
  /** 0 where the link is dead. */
  readonly uplinkMbps: number
  readonly seconds: number
  readonly frames: number
  readonly answered: number
  readonly answersPerS: number
  /** No mix of the agent's plans answers more. */
  readonly boundPerS: number
}

export interface StreamPolicySummary {
  readonly frames: number
  readonly answered: number
  /** Answered by an error: left out for others, or not finished before the deadline. */
  readonly shed: number
  /** Nothing came back at all. */
  readonly lost: number
  readonly answersPerS: number
  /** Of the bound over the whole run. */
  readonly shareOfBound: number
  readonly p50Ms: number
  readonly p95Ms: number
  readonly maxMs: number
  readonly bytes: number
  readonly phases: readonly PhaseSummary[]
  /** Wound and codec -> answers. */
  readonly plans: Readonly<Record<string, number>>
}

/** What the policies have in common. */
export interface StreamFacts {
  readonly edgeSlowdown: number
  readonly workSlowdown: number
  /** Of surgeon's agent. */
  readonly eventLoopP99Ms: number
  /** Where the policy of one cut cuts. */
  readonly cut: string
  /** By phase of the link: no mix of the agent's plans answers more a second. */
  readonly boundsPerS: readonly number[]
}

export interface StreamSummary extends StreamFacts {
  readonly policies: Readonly<Record<PolicyName, StreamPolicySummary>>
}

export function summariseStream(
  scenario: Scenario,
  rows: Readonly<Record<PolicyName, readonly Row[]>>,
  facts: StreamFacts,
): StreamSummary {
  const { boundsPerS } = facts
  const perPolicy = streamPolicies.map(
    (policy) => [policy, summarisePolicy(scenario, rows[policy], boundsPerS)] as const,
  )
  return { ...facts, policies: Object.fromEntries(perPolicy) as StreamSummary['policies'] }
}

/** @param boundsPerS by step of the scenario. */
export function summarisePolicy(
  scenario: Scenario,
  rows: readonly Row[],
  boundsPerS: readonly number[],
): StreamPolicySummary {
  const { steps, playMs, framePeriodMs } = scenario
  const answered = rows.filter(({ result }) => result?.ok)
  const shed = rows.filter(({ result }) => result?.ok === false)
  const times = answered.map(({ latencyMs }) => latencyMs!)
  const at = (share: number) => (times.length === 0 ? Number.NaN : quantile(times, share))
  const plans: Record<string, number> = {}
  for (const { result } of answered) {
    if (!result?.ok) continue
    const { wound, codec } = result.plan
    const plan = wound === 'local' ? wound : `${wound}/${codec}`
    plans[plan] = (plans[plan] ?? 0) + 1
  }
  const endMs = (phase: number) => steps[phase + 1]?.atMs ?? playMs
  const bound = boundsPerS.reduce((sum, perS, i) => sum + (perS * (endMs(i) - steps[i]!.atMs)) / 1000, 0)
  return {
    frames: rows.length,
    answered: answered.length,
    shed: shed.length,
    lost: rows.length - answered.length - shed.length,
    answersPerS: (1000 * answered.length) / playMs,
    shareOfBound: answered.length / bound,
    p50Ms: at(0.5),
    p95Ms: at(0.95),
    maxMs: Math.max(...times),
    bytes: answered.reduce((sum, { result }) => sum + (result?.ok ? result.bytes : 0), 0),
    phases: steps.map(({ atMs, uplinkBps }, i) => {
      const dueMs = ({ frame }: Row) => frame * framePeriodMs
      const own = (row: Row) => dueMs(row) >= atMs && dueMs(row) < endMs(i)
      const seconds = (endMs(i) - atMs) / 1000
      const count = answered.filter(own).length
      return {
        uplinkMbps: uplinkBps / 1e6,
        seconds,
        frames: rows.filter(own).length,
        answered: count,
        answersPerS: count / seconds,
        boundPerS: boundsPerS[i]!,
      }
    }),
    plans,
  }
}

/** What stops the demo from being called a success, in words; empty when nothing does. */
export function streamFaults({ policies: played }: StreamSummary): string[] {
  return streamPolicies.flatMap((policy) => {
    const { lost, frames } = played[policy]
    return lost > 0 ? [`${policy}: ${lost} of ${frames} frames were lost without a word`] : []
  })
}
