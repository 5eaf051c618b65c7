import { mean, quantile } from 'simple-statistics'
import type { ResultMessage } from '../../agent/request-message.ts'
import { type PolicyName, policies, policyTitles, toleranceMs } from './scenario.ts'

/** One frame's fate under one policy. */
export interface Row {
  readonly frame: number
  readonly photo: string
  readonly uplinkMbps: number
  /** From the camera's publish to the answer's arrival there; undefined when none came. */
  readonly latencyMs: number | undefined
  readonly result: ResultMessage | undefined
}

export interface PolicySummary {
  readonly meanMs: number
  readonly p95Ms: number
  readonly maxMs: number
  readonly bytes: number
  readonly late: number
  readonly answersPerS: number
  readonly answered: number
  /** Answers whose best class is not that of the local run of the same frame. */
  readonly differing: number
}

export interface DemoSummary {
  readonly requests: number
  readonly answered: number
  readonly errors: number
  readonly edgeSlowdown: number
  readonly eventLoopP99Ms: number
  readonly plans: Readonly<Record<string, number>>
  readonly policies: Readonly<Record<PolicyName, PolicySummary>>
}

/**
 * Of the answers in a lossy codec, at most so many may differ from the local one. Shares of 325 photos whose best class
 * changed, with a margin of two standard errors on a demo's worth of frames: see docs/benchmarks.md.
 */
const allowedShare: Readonly<Record<string, number>> = {
  received: 0,
  float32: 0,
  float16: 0.02,
  uint8: 0.05,
  'jpeg:90': 0.15,
}

export function summarise(
  rows: Readonly<Record<PolicyName, readonly Row[]>>,
  facts: { edgeSlowdown: number; eventLoopP99Ms: number; seconds: Readonly<Record<PolicyName, number>> },
): DemoSummary {
  const localMs = mean(latencies(rows.local))
  const truth = new Map(rows.local.map((row) => [row.frame, bestLabel(row)]))
  const plans: Record<string, number> = {}
  for (const row of rows.surgeon) {
    if (row.result?.ok) {
      const plan = `${row.result.plan.wound}/${row.result.plan.codec}`
      plans[plan] = (plans[plan] ?? 0) + 1
    }
  }
  const all = policies.flatMap((policy) => rows[policy])
  const answered = all.filter((row) => row.result?.ok).length
  const perPolicy = policies.map((policy) => {
    const times = latencies(rows[policy])
    return [
      policy,
      {
        meanMs: times.length === 0 ? NaN : mean(times),
        p95Ms: times.length === 0 ? NaN : quantile(times, 0.95),
        maxMs: Math.max(...times),
        bytes: rows[policy].reduce((sum, row) => sum + (row.result?.ok ? row.result.bytes : 0), 0),
        late: rows[policy].filter(
          (row) => row.latencyMs === undefined || row.latencyMs > localMs + toleranceMs,
        ).length,
        answersPerS: times.length / facts.seconds[policy],
        answered: times.length,
        differing: rows[policy].filter((row) => row.result?.ok && bestLabel(row) !== truth.get(row.frame))
          .length,
      },
    ] as const
  })
  return {
    requests: all.length,
    answered,
    errors: all.length - answered,
    edgeSlowdown: facts.edgeSlowdown,
    eventLoopP99Ms: facts.eventLoopP99Ms,
    plans,
    policies: Object.fromEntries(perPolicy) as Record<PolicyName, PolicySummary>,
  }
}

/** What stops the demo from being called a success, in words; empty when nothing does. */
export function faults(summary: DemoSummary, rows: Readonly<Record<PolicyName, readonly Row[]>>): string[] {
  const found: string[] = []
  if (summary.errors > 0) found.push(`${summary.errors} of ${summary.requests} requests were not answered`)
  const truth = new Map(rows.local.map((row) => [row.frame, bestLabel(row)]))
  for (const policy of policies) {
    const perCodec = new Map<string, { count: number; differing: number }>()
    for (const row of rows[policy]) {
      if (!row.result?.ok) continue
      // What the edge finished by itself came through no codec.
      const codec = row.result.finishedAt === 'edge' ? 'none' : row.result.plan.codec
      const tally = perCodec.get(codec) ?? { count: 0, differing: 0 }
      tally.count++
      if (bestLabel(row) !== truth.get(row.frame)) tally.differing++
      perCodec.set(codec, tally)
    }
    for (const [codec, { count, differing }] of perCodec) {
      const allowed = Math.ceil((allowedShare[codec] ?? 0) * count)
      if (differing > allowed) {
        found.push(
          `${policyTitles[policy]}: ${differing} of ${count} answers through ${codec} differ from the local ones, ${allowed} may`,
        )
      }
    }
  }
  return found
}

function latencies(rows: readonly Row[]): number[] {
  return rows.flatMap((row) => (row.result?.ok && row.latencyMs !== undefined ? [row.latencyMs] : []))
}

function bestLabel(row: Row): string | undefined {
  return row.result?.ok ? row.result.top[0]?.label : undefined
}
