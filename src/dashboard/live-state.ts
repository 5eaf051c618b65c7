import type { RequestRecord } from '../telemetry/request-record.ts'
import { planName, type StreamRate } from '../telemetry/stream-rates.ts'

/** What the page shows, as JSON. */
export interface LiveState {
  readonly device: string
  readonly version: string
  /** At least one. */
  readonly models: readonly LiveModel[]
  /** Milliseconds since 1970. */
  readonly ts: number
  readonly metrics: Readonly<Record<string, number>>
  readonly link: string
  /** Every wound that may be planned, in the order of the model. */
  readonly wounds: readonly LiveWound[]
  readonly workers: readonly LiveWorker[]
  readonly connections: readonly LiveConnection[]
  /** Those that had inputs in the last seconds. */
  readonly streams: readonly StreamRate[]
  /** By what the streams are answered and why, a line each; none before the first inputs. */
  readonly explanation: readonly string[]
  /** The newest first. */
  readonly requests: readonly LiveRequest[]
}

export interface LiveModel {
  readonly name: string
  readonly hash: string
  /** What computes here; `none` where only workers hold the model. */
  readonly engine: string
  /** Why another engine than the configured one computes. */
  readonly engineReason: string | undefined
}

export interface LiveWorker {
  readonly id: string
  readonly version: string | undefined
  /** What it serves, by name and hash. */
  readonly models: readonly { readonly name: string; readonly hash: string }[]
  /** It serves a model of this agent; the rest is known of such a worker only. */
  readonly isOurs: boolean
  readonly queueMs: number | undefined
  readonly trust: string | undefined
}

export interface LiveConnection {
  /** `mqtt` or `pool`, as the configuration names it. */
  readonly name: string
  readonly url: string
  readonly isOnline: boolean
  /** Why it is not. */
  readonly reason: string | undefined
  /** Filters that the broker would not have subscribed to. */
  readonly refused: readonly string[]
}

interface LiveWound {
  readonly id: string
  /** What the edge computes before it, by the profile. */
  readonly headMs: number
  /** Whose, where there are several models. */
  readonly model?: string
  /** Of the last requests, those cut here. */
  readonly requests: number
}

interface LiveRequest {
  readonly id: string
  readonly stream: string
  readonly at: number
  readonly plan: string
  readonly worker: string | undefined
  readonly predictedMs: number | undefined
  readonly localMs: number | undefined
  readonly totalMs: number
  readonly sentBytes: number
  /** `edge`, `worker`, `reused`, `doubted`, or why there is no answer. */
  readonly outcome: string
}

/** How many of the last requests are listed. */
const listed = 20

export function liveRequests(records: readonly RequestRecord[]): LiveRequest[] {
  return records
    .slice(-listed)
    .toReversed()
    .map(({ id, stream, arrivedAt, plan, measured, outcome }) => ({
      id,
      stream,
      at: arrivedAt,
      plan: plan === undefined ? '–' : planName(plan),
      worker: plan?.worker,
      predictedMs: plan?.predicted.expectedMs,
      localMs: plan?.predicted.localMs,
      totalMs: measured.totalMs,
      sentBytes: measured.sentBytes,
      outcome: outcomeText(outcome),
    }))
}

function outcomeText(outcome: RequestRecord['outcome']): string {
  if (outcome.kind === 'answered') return outcome.finishedAt
  return 'code' in outcome ? outcome.code : outcome.kind
}

/** Requests by wound, wounds that none was cut at included. */
export function liveWounds(
  wounds: readonly { readonly id: string; readonly headMs: number }[],
  records: readonly RequestRecord[],
): LiveWound[] {
  const counts = new Map<string, number>()
  for (const { plan } of records)
    if (plan !== undefined) counts.set(plan.wound, (counts.get(plan.wound) ?? 0) + 1)
  return wounds.map(({ id, headMs }) => ({ id, headMs, requests: counts.get(id) ?? 0 }))
}
