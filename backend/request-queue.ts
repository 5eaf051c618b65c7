import {
  type CallTimes,
  emptyLine,
  expectedWaitMs,
  joinLine,
  type ServiceLine,
  takeCall,
  takeExpired,
  type WaitingRequest,
} from './service-order.ts'

/** What has to be done before a request can be computed. Expensive is what claims much memory or time. */
export type Preparation = 'none' | 'cheap' | 'expensive'

export interface QueuedRequest extends WaitingRequest {
  /** Unique. */
  readonly key: string
  /** Which engine is to finish it; each serves its own line. */
  readonly line: string
  /** Held for it while it is here. */
  readonly bytes: number
  readonly preparation: Preparation
}

export interface QueueLimits {
  /** Held for all requests that wait or are computed. */
  readonly maxBytes: number
  readonly maxRequests: number
  /** Expected before a request is begun. */
  readonly maxWaitMs: number
  /** Requests of a line that may wait prepared, as what is prepared is larger than what came. */
  readonly maxPrepared: number
  /** See `service-order.ts`. */
  readonly slackMs: number
}

export type Admission<Request> =
  /** `evicted` had to go for it: requests of senders that hold more. */
  | { readonly kind: 'admitted'; readonly evicted: readonly Request[] }
  | { readonly kind: 'refused'; readonly waitMs: number; readonly reason: 'full' | 'wait' }

/** What became of a request that was given up. */
export type Cancellation<Request> =
  | { readonly kind: 'unknown' }
  /** It waited, and waits no more. */
  | { readonly kind: 'dropped'; readonly request: Request }
  /** It is computed: `useless` where nobody else in its call is waited for. */
  | { readonly kind: 'computed' | 'useless'; readonly request: Request }

export interface NextCall<Request> {
  /** Due before they could be begun: dropped. */
  readonly expired: readonly Request[]
  /** At one wound, to be finished in one call; empty where nothing is ready. */
  readonly call: readonly Request[]
}

interface Line<Request extends QueuedRequest> extends ServiceLine<Request> {
  running:
    | { readonly call: readonly Request[]; readonly wanted: Set<string>; readonly endMs: number }
    | undefined
}

/** What one sender has here. */
interface Holding {
  readonly sender: string
  bytes: number
  count: number
}

/**
 * The worker's queue, stepped by its caller and without a clock: bounded in bytes and in expected waiting time. A
 * request that would wait too long, or until it is worth nothing, is refused with the wait it would have had. Where
 * there is no room, whoever holds more than the newcomer's sender gives way, latest due first.
 */
export class RequestQueue<Request extends QueuedRequest> {
  private readonly limits: QueueLimits
  private readonly times: ReadonlyMap<string, CallTimes>
  private readonly lines = new Map<string, Line<Request>>()
  private readonly requests = new Map<string, Request>()
  private readonly preparing = new Set<string>()
  private readonly prepared = new Set<string>()
  private heldBytes = 0

  /** @param times of every line. */
  constructor(limits: QueueLimits, times: ReadonlyMap<string, CallTimes>) {
    this.limits = limits
    this.times = times
    for (const name of times.keys()) this.lines.set(name, { ...emptyLine<Request>(), running: undefined })
  }

  /** Of all requests that wait or are computed. */
  get bytes(): number {
    return this.heldBytes
  }

  /** Requests that wait or are computed. */
  get size(): number {
    return this.requests.size
  }

  has(key: string): boolean {
    return this.requests.has(key)
  }

  /** @throws {RangeError} where a request of that key is here. */
  admit(request: Request, nowMs: number): Admission<Request> {
    const line = this.lineOf(request.line)
    if (this.has(request.key))
      throw new RangeError(`Cannot queue: key must be new, current value is ${request.key}`)
    joinLine(line, request)
    this.hold(request)
    const waitMs = this.waitOf(request, nowMs)
    const isLate = waitMs > Math.min(this.limits.maxWaitMs, request.dueMs - nowMs)
    const victims = isLate ? undefined : this.victimsFor(request)
    if (victims === undefined) {
      this.take(request)
      return { kind: 'refused', waitMs, reason: isLate ? 'wait' : 'full' }
    }
    for (const victim of victims) this.take(victim)
    return { kind: 'admitted', evicted: victims }
  }

  /** The request of that kind to prepare next; it stays in its place. Call {@link ready} when it is. */
  nextToPrepare(kind: Exclude<Preparation, 'none'>): Request | undefined {
    for (const { waiting } of this.lines.values()) {
      const ahead = waiting.filter(({ key }) => this.preparing.has(key) || this.prepared.has(key)).length
      if (ahead >= this.limits.maxPrepared) continue
      const next = waiting.find(
        ({ key, preparation }) => preparation === kind && !this.preparing.has(key) && !this.prepared.has(key),
      )
      if (next === undefined) continue
      this.preparing.add(next.key)
      return next
    }
    return undefined
  }

  /** It is prepared. @returns Whether it is still wanted. */
  ready(key: string): boolean {
    this.preparing.delete(key)
    if (!this.requests.has(key)) return false
    this.prepared.add(key)
    return true
  }

  /** What to compute next, if the line's engine is free. Call {@link done} when it is computed, however it ended. */
  next(name: string, nowMs: number): NextCall<Request> {
    const line = this.lineOf(name)
    if (line.running !== undefined) return { expired: [], call: [] }
    const expired = takeExpired(line, nowMs)
    for (const request of expired) this.forget(request)
    const times = this.times.get(name)!
    const isReady = ({ key, preparation }: Request) => preparation === 'none' || this.prepared.has(key)
    const call = takeCall(line, times, this.limits.slackMs, nowMs, isReady)
    if (call.length > 0) {
      const endMs = nowMs + times.callMs(call[0]!.wound, call.length)
      line.running = { call, wanted: new Set(call.map(({ key }) => key)), endMs }
    }
    return { expired, call }
  }

  /** The line's call has ended. */
  done(name: string): void {
    const line = this.lineOf(name)
    for (const request of line.running?.call ?? []) this.forget(request)
    line.running = undefined
    if (line.waiting.length > 0) return
    // Nobody waits, so nobody is to be compared with what was.
    line.had.clear()
    line.floorMs = 0
  }

  /** Its sender has given a request up. */
  cancel(key: string): Cancellation<Request> {
    const request = this.requests.get(key)
    if (request === undefined) return { kind: 'unknown' }
    const { running } = this.lineOf(request.line)
    if (running?.call.includes(request) !== true) {
      this.take(request)
      return { kind: 'dropped', request }
    }
    running.wanted.delete(key)
    return { kind: running.wanted.size === 0 ? 'useless' : 'computed', request }
  }

  /** Whether a request that is computed is still waited for. */
  isWanted(request: Request): boolean {
    return this.lineOf(request.line).running?.wanted.has(request.key) === true
  }

  /** Takes every request out that would not be begun within so many milliseconds. */
  takeLate(withinMs: number, nowMs: number): Request[] {
    const late = [...this.lines.values()].flatMap(({ waiting }) =>
      waiting.filter((request) => this.waitOf(request, nowMs) > withinMs),
    )
    for (const request of late) this.take(request)
    return late
  }

  /** What a request of somebody new, of no hurry, would wait before it is begun. */
  waitMs(name: string, nowMs: number): number {
    const line = this.lineOf(name)
    const { waiting, had, floorMs, running } = line
    const stranger = { sender: '', wound: '', dueMs: Number.POSITIVE_INFINITY }
    const copy: ServiceLine<WaitingRequest> = { waiting: [...waiting], had: new Map(had), floorMs }
    joinLine(copy, stranger)
    const times = this.times.get(name)!
    return expectedWaitMs(copy, stranger, times, this.limits.slackMs, running?.endMs ?? nowMs, nowMs)
  }

  private waitOf(request: Request, nowMs: number): number {
    const line = this.lineOf(request.line)
    const times = this.times.get(request.line)!
    return expectedWaitMs(line, request, times, this.limits.slackMs, line.running?.endMs ?? nowMs, nowMs)
  }

  /**
   * Who has to go so that the newcomer, which is held already, has room: the latest due of whoever holds most, as long
   * as that is more than the newcomer's sender holds. Undefined where there is no room that way.
   */
  private victimsFor(newcomer: Request): Request[] | undefined {
    const { maxBytes, maxRequests } = this.limits
    const victims: Request[] = []
    if (this.heldBytes <= maxBytes && this.requests.size <= maxRequests) return victims
    const holdings = this.holdings()
    const own = holdings.get(newcomer.sender)!
    const shareOf = ({ bytes, count }: Holding) => Math.max(bytes / maxBytes, count / maxRequests)
    let bytes = this.heldBytes
    let count = this.requests.size
    while (bytes > maxBytes || count > maxRequests) {
      const largest = [...holdings.values()].reduce((a, b) => (shareOf(b) > shareOf(a) ? b : a), own)
      const victim = largest === own ? undefined : this.latestOf(largest.sender, victims)
      if (victim === undefined) return undefined
      largest.bytes -= victim.bytes
      largest.count -= 1
      victims.push(victim)
      bytes -= victim.bytes
      count -= 1
    }
    return victims
  }

  /** By sender. */
  private holdings(): Map<string, Holding> {
    const holdings = new Map<string, Holding>()
    for (const { sender, bytes } of this.requests.values()) {
      const holding = holdings.get(sender)
      if (holding === undefined) holdings.set(sender, { sender, bytes, count: 1 })
      else {
        holding.bytes += bytes
        holding.count += 1
      }
    }
    return holdings
  }

  /** Of a sender's requests that may go the one with the latest due time. */
  private latestOf(sender: string, gone: readonly Request[]): Request | undefined {
    let latest: Request | undefined
    for (const { waiting } of this.lines.values()) {
      // What is being prepared holds its memory until that has ended.
      const last = waiting.findLast(
        (request) => request.sender === sender && !this.preparing.has(request.key) && !gone.includes(request),
      )
      if (last !== undefined && (latest === undefined || last.dueMs > latest.dueMs)) latest = last
    }
    return latest
  }

  private hold(request: Request): void {
    this.requests.set(request.key, request)
    this.heldBytes += request.bytes
  }

  private take(request: Request): void {
    const line = this.lineOf(request.line)
    line.waiting = line.waiting.filter((other) => other !== request)
    this.forget(request)
  }

  private forget(request: Request): void {
    if (!this.requests.delete(request.key)) return
    this.heldBytes -= request.bytes
    this.preparing.delete(request.key)
    this.prepared.delete(request.key)
  }

  private lineOf(name: string): Line<Request> {
    const line = this.lines.get(name)
    if (line === undefined)
      throw new RangeError(
        `Cannot queue: line must be one of ${[...this.lines.keys()].join(', ')}, current value is ${name}`,
      )
    return line
  }
}
