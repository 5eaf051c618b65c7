import { mean, quantile } from 'simple-statistics'
import type { ResultMessage } from '../../agent/request-message.ts'
import type { Calibration } from '../../src/codec/calibration-file.ts'
import { alonePolicies, policyTitles, toleranceMs } from './scenario.ts'

type AlonePolicy = (typeof alonePolicies)[number]

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
  readonly policies: Readonly<Record<AlonePolicy, PolicySummary>>
}

/**
 * Share of the answers in a codec that may differ from the local ones: what its calibration leaves possible with 95 %
 * confidence. JPEG at quality 90 is not among the calibrated codecs that are worth keeping: it agreed on 93.5 % of 200
 * photos.
 */
function allowedShare(calibration: Calibration | undefined, wound: string, codec: string): number {
  if (codec === 'jpeg:90') return 0.12
  const row = calibration?.rows.find((candidate) => candidate.wound === wound && candidate.codec === codec)
  return codec === 'received' || row === undefined ? 0 : 1 - row.agreementLower
}

export function summarise(
  rows: Readonly<Record<AlonePolicy, readonly Row[]>>,
  facts: { edgeSlowdown: number; eventLoopP99Ms: number; seconds: Readonly<Record<AlonePolicy, number>> },
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
  const all = alonePolicies.flatMap((policy) => rows[policy])
  const answered = all.filter((row) => row.result?.ok).length
  const perPolicy = alonePolicies.map((policy) => {
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
    policies: Object.fromEntries(perPolicy) as Record<AlonePolicy, PolicySummary>,
  }
}

/** What stops the demo from being called a success, in words; empty when nothing does. */
export function faults(
  summary: DemoSummary,
  rows: Readonly<Record<AlonePolicy, readonly Row[]>>,
  calibration: Calibration | undefined,
): string[] {
  const found: string[] = []
  if (summary.errors > 0) found.push(`${summary.errors} of ${summary.requests} requests were not answered`)
  const truth = new Map(rows.local.map((row) => [row.frame, bestLabel(row)]))
  for (const policy of alonePolicies) {
    const perPlan = new Map<string, { allowed: number; count: number; differing: number }>()
    for (const row of rows[policy]) {
      if (!row.result?.ok) continue
      const { wound, codec } = row.result.plan
      // What the edge finished by itself came through no codec.
      const plan = row.result.finishedAt === 'edge' ? 'the edge' : `${wound}/${codec}`
      const allowed = plan === 'the edge' ? 0 : allowedShare(calibration, wound, codec)
      const tally = perPlan.get(plan) ?? { allowed, count: 0, differing: 0 }
      tally.count++
      if (bestLabel(row) !== truth.get(row.frame)) tally.differing++
      perPlan.set(plan, tally)
    }
    for (const [plan, { allowed, count, differing }] of perPlan) {
      const most = Math.ceil(allowed * count)
      if (differing <= most) continue
      found.push(
        `${policyTitles[policy]}: ${differing} of ${count} answers through ${plan} differ from the local ones, ${most} may`,
      )
    }
  }
  return found
}

function latencies(rows: readonly Row[]): number[] {
  return rows.flatMap((row) => (row.result?.ok && row.latencyMs !== undefined ? [row.latencyMs] : []))
}

function bestLabel(row: Row): string | undefined {
  return row.result?.ok ? row.result.top?.[0]?.label : undefined
}
