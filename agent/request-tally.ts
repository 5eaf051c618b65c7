import { mean, quantile } from 'simple-statistics'
import type { RequestRecord } from '../src/telemetry/request-record.ts'

/** Requests of which times and records are kept. */
const keptRequests = 100

/** Counts what became of requests, and keeps the last of them. */
export class RequestTally {
  answered = 0
  failed = 0
  /** Left out for newer inputs. */
  shed = 0
  /** Asked of a larger model, too. */
  doubted = 0
  /** Not computed, as they looked like the last. */
  reused = 0
  finishedAtWorker = 0
  sentBytes = 0
  /** The newest last. */
  readonly last: RequestRecord[] = []

  record(record: RequestRecord): void {
    const { outcome, measured } = record
    this.sentBytes += measured.sentBytes
    if ('code' in outcome && outcome.code === 'shed') {
      // There may be twenty a second, and all that is to be known of them is how many.
      this.shed++
      return
    }
    if (outcome.kind === 'answered') {
      this.answered++
      if (outcome.finishedAt === 'worker') this.finishedAtWorker++
    } else if (outcome.kind === 'reused') this.reused++
    else if (outcome.kind === 'doubted') this.doubted++
    else this.failed++
    this.last.push(record)
    if (this.last.length > keptRequests) this.last.shift()
  }

  /** Of the last answers; undefined before the first. */
  get answerMs(): { readonly mean: number; readonly p95: number } | undefined {
    const times = this.lastAnswered.map(({ measured }) => measured.totalMs)
    return times.length === 0 ? undefined : { mean: mean(times), p95: quantile(times, 0.95) }
  }

  /** How far the last answers were from what was predicted, on average; undefined before the first. */
  get predictionErrorMs(): number | undefined {
    const errors = this.lastAnswered.flatMap(({ plan, measured }) =>
      plan === undefined ? [] : [Math.abs(measured.totalMs - plan.predicted.expectedMs)],
    )
    return errors.length === 0 ? undefined : mean(errors)
  }

  private get lastAnswered(): RequestRecord[] {
    return this.last.filter(({ outcome }) => outcome.kind === 'answered')
  }
}
