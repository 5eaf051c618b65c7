/**
 * In which order one engine serves requests of several senders, and which share a call. Earliest due first, among the
 * senders that are not ahead: a sender whose requests have had `slackMs` more of the engine than those of the one that
 * has had least waits until the others have caught up, so that one that floods delays only itself. (Start-time fair
 * queueing, Goyal et al., SIGCOMM 1996, with a slack within which due times decide.) Requests at the wound of the first
 * ride along where their model computes several in one call sooner, and none that would be in time alone becomes late.
 *
 * Plain data and functions; O(waiting) a call.
 */
export interface WaitingRequest {
  readonly sender: string
  readonly wound: string
  /** From then on its answer is worth nothing. */
  readonly dueMs: number
}

/** What is known of the engine. */
export interface CallTimes {
  /** How many requests at a wound may share a call. */
  batchLimit(wound: string): number
  /** Expected milliseconds of a call of so many. */
  callMs(wound: string, requests: number): number
  /** When the engine will have done what else it does, such as compiling; in the past where it does nothing else. */
  freeAtMs(): number
}

export interface ServiceLine<Request extends WaitingRequest> {
  /** By due time, then by arrival. */
  waiting: Request[]
  /** Milliseconds of the engine that the senders' requests have had, of senders that compete. */
  readonly had: Map<string, number>
  /** Of the sender that had least when the last call was taken: who comes anew begins there. */
  floorMs: number
}

export function emptyLine<Request extends WaitingRequest>(): ServiceLine<Request> {
  return { waiting: [], had: new Map(), floorMs: 0 }
}

/** Puts a request in its place. */
export function joinLine<Request extends WaitingRequest>(line: ServiceLine<Request>, request: Request): void {
  const { sender, dueMs } = request
  const place = line.waiting.findIndex((other) => other.dueMs > dueMs)
  line.waiting.splice(place < 0 ? line.waiting.length : place, 0, request)
  line.had.set(sender, Math.max(line.floorMs, line.had.get(sender) ?? 0))
}

/** Takes those out that are due before now. */
export function takeExpired<Request extends WaitingRequest>(
  line: ServiceLine<Request>,
  nowMs: number,
): Request[] {
  const inTime = line.waiting.findIndex(({ dueMs }) => dueMs >= nowMs)
  return line.waiting.splice(0, inTime < 0 ? line.waiting.length : inTime)
}

/**
 * Takes the requests of the next call out and charges their senders with an even share of its expected time.
 * @param isReady tells which can be begun; the others keep their places.
 * @returns none where none is ready.
 */
export function takeCall<Request extends WaitingRequest>(
  line: ServiceLine<Request>,
  times: CallTimes,
  slackMs: number,
  nowMs: number,
  isReady: (request: Request) => boolean,
): Request[] {
  const ready = line.waiting.filter(isReady)
  if (ready.length === 0) return []
  const had = (request: Request) => line.had.get(request.sender) ?? 0
  const least = ready.reduce((min, request) => Math.min(min, had(request)), Number.POSITIVE_INFINITY)
  line.floorMs = Math.max(line.floorMs, least)
  const first = ready.find((request) => had(request) <= least + slackMs)!
  const call = sharers(first, ready, times, nowMs)
  line.waiting = line.waiting.filter((request) => !call.includes(request))
  const shareMs = times.callMs(first.wound, call.length) / call.length
  for (const request of call) line.had.set(request.sender, had(request) + shareMs)
  forgetOthers(line)
  return call
}

/**
 * Milliseconds until a request that waits in the line is begun, if no other comes; where it is not begun before it is
 * due, those until that shows. O(waiting^2).
 * @param endMs when the call that runs will have ended.
 */
export function expectedWaitMs<Request extends WaitingRequest>(
  line: ServiceLine<Request>,
  request: Request,
  times: CallTimes,
  slackMs: number,
  endMs: number,
  nowMs: number,
): number {
  const copy: ServiceLine<Request> = {
    waiting: [...line.waiting],
    had: new Map(line.had),
    floorMs: line.floorMs,
  }
  for (let beginMs = Math.max(nowMs, endMs, times.freeAtMs()); ; ) {
    if (takeExpired(copy, beginMs).includes(request)) return beginMs - nowMs
    const call = takeCall(copy, times, slackMs, beginMs, () => true)
    if (call.length === 0 || call.includes(request)) return beginMs - nowMs
    beginMs += times.callMs(call[0]!.wound, call.length)
  }
}

/** The first and those that share its call. */
function sharers<Request extends WaitingRequest>(
  first: Request,
  ready: readonly Request[],
  times: CallTimes,
  nowMs: number,
): Request[] {
  const { wound } = first
  const limit = times.batchLimit(wound)
  const call = [first]
  const aloneMs = nowMs + times.callMs(wound, 1)
  let firstDueMs = first.dueMs < aloneMs ? Number.POSITIVE_INFINITY : first.dueMs
  for (const other of ready) {
    if (call.length >= limit) break
    if (other === first || other.wound !== wound) continue
    const dueMs = other.dueMs < aloneMs ? firstDueMs : Math.min(firstDueMs, other.dueMs)
    if (nowMs + times.callMs(wound, call.length + 1) > dueMs) break
    firstDueMs = dueMs
    call.push(other)
  }
  return call
}

/** Who neither waits nor is ahead would begin at the floor anyway. */
function forgetOthers<Request extends WaitingRequest>(line: ServiceLine<Request>): void {
  const competing = new Set(line.waiting.map(({ sender }) => sender))
  for (const [sender, hadMs] of line.had) {
    if (!competing.has(sender) && hadMs <= line.floorMs) line.had.delete(sender)
  }
}
