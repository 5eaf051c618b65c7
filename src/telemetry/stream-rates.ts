import type { PlanRecord, RequestRecord } from './request-record.ts'

/** What became of one stream's requests lately, a second. */
export interface StreamRate {
  readonly stream: string
  readonly arrived: number
  readonly answered: number
  /** Not computed, as they looked like the last. */
  readonly reused: number
  /** Left out for newer ones. */
  readonly shed: number
  /** Refused or failed otherwise. */
  readonly failed: number
  /** Shares of the answered by plan, the largest first. */
  readonly mix: readonly { readonly plan: string; readonly share: number }[]
}

interface Counts {
  answered: number
  reused: number
  shed: number
  failed: number
  readonly plans: Map<string, number>
}

/** Over so many whole seconds. */
const windowS = 10
/** Streams are named in the configuration, at most so many. */
const mostStreams = 64

/** Counts requests by stream and plan in buckets of a second. @param now Monotonic milliseconds. */
export class StreamRates {
  private readonly now: () => number
  private readonly beganS: number
  /** By whole second, the oldest first. */
  private readonly buckets = new Map<number, Map<string, Counts>>()

  constructor(now: () => number) {
    this.now = now
    this.beganS = this.second
  }

  record({ stream, plan, outcome }: RequestRecord): void {
    const bucket = this.bucket()
    if (!bucket.has(stream) && bucket.size >= mostStreams) return
    const counts = bucket.get(stream) ?? noCounts()
    bucket.set(stream, counts)
    if (outcome.kind === 'reused') {
      counts.reused++
      return
    }
    if ('code' in outcome) {
      if (outcome.code === 'shed') counts.shed++
      else counts.failed++
      return
    }
    counts.answered++
    const name = plan === undefined ? 'unknown' : planName(plan)
    counts.plans.set(name, (counts.plans.get(name) ?? 0) + 1)
  }

  /** Of the last whole seconds; the one that runs is not among them. Streams at rest are left out. */
  get rates(): StreamRate[] {
    this.drop()
    const endS = this.second
    const seconds = Math.max(1, Math.min(windowS, endS - this.beganS))
    const sums = new Map<string, Counts>()
    for (const [second, bucket] of this.buckets) {
      if (second === endS) continue
      for (const [stream, counts] of bucket) sums.set(stream, added(sums.get(stream) ?? noCounts(), counts))
    }
    return [...sums].map(([stream, { answered, reused, shed, failed, plans }]) => ({
      stream,
      arrived: (answered + reused + shed + failed) / seconds,
      answered: answered / seconds,
      reused: reused / seconds,
      shed: shed / seconds,
      failed: failed / seconds,
      mix: [...plans]
        .map(([plan, count]) => ({ plan, share: count / answered }))
        .toSorted((one, other) => other.share - one.share),
    }))
  }

  private get second(): number {
    return Math.floor(this.now() / 1000)
  }

  private bucket(): Map<string, Counts> {
    const { second } = this
    const known = this.buckets.get(second)
    if (known !== undefined) return known
    this.drop()
    const bucket = new Map<string, Counts>()
    this.buckets.set(second, bucket)
    return bucket
  }

  private drop(): void {
    for (const second of this.buckets.keys()) if (second < this.second - windowS) this.buckets.delete(second)
  }
}

/** `local`, with its precision where that is not float32, or wound and codec. */
export function planName({
  wound,
  codec,
  precision,
}: Pick<PlanRecord, 'wound' | 'codec' | 'precision'>): string {
  if (wound !== 'local') return `${wound} / ${codec}`
  return precision === undefined ? wound : `${wound} / ${precision}`
}

function noCounts(): Counts {
  return { answered: 0, reused: 0, shed: 0, failed: 0, plans: new Map() }
}

function added(sum: Counts, more: Counts): Counts {
  const { answered, reused, shed, failed, plans } = sum
  const all = new Map(plans)
  for (const [plan, count] of more.plans) all.set(plan, (all.get(plan) ?? 0) + count)
  return {
    answered: answered + more.answered,
    reused: reused + more.reused,
    shed: shed + more.shed,
    failed: failed + more.failed,
    plans: all,
  }
}
