/**
 * In which order one engine serves requests of several senders, and which share a call. Earliest due first, among the
 * senders that are not ahead: a sender whose requests have had `slackMs` more of the engine than those of the one that
 * has had least waits until the others have caught up, so that one that floods delays only itself. (Start-time fair
 * queueing, Goyal et al., SIGCOMM 1996, with a slack within which due times decide.) Requests at the wound of the first
 * ride along where their model computes several in one call sooner, as far as none of them that would be in time alone
 * becomes late, nor the one that they overtake.
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
  const board = boardOf(line, line.waiting.filter(isReady))
  const places = chooseCall(board, times, slackMs, nowMs)
  if (places.length === 0) return []
  line.floorMs = Math.max(line.floorMs, leastHad(board))
  const call = places.map((place) => board.requests[place]!)
  take(board, places, times)
  for (const [i, sender] of board.senders.entries()) line.had.set(sender, board.hadMs[i]!)
  line.waiting = line.waiting.filter((request) => !call.includes(request))
  forgetOthers(line)
  return call
}

/**
 * Milliseconds until a request that waits in the line is begun, if no other comes; where it is not begun before it is
 * due, those until that shows. O(waiting x senders), with small constants: it is asked for every request that comes.
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
  const board = boardOf(line, line.waiting)
  for (let beginMs = Math.max(nowMs, endMs, times.freeAtMs()); ; ) {
    if (request.dueMs < beginMs) return beginMs - nowMs
    const call = chooseCall(board, times, slackMs, beginMs)
    if (call.length === 0 || call.some((place) => board.requests[place] === request)) return beginMs - nowMs
    beginMs += take(board, call, times)
  }
}

/** Requests in order of due time and what their senders have had, in numbers. */
interface Board<Request> {
  readonly requests: readonly Request[]
  readonly senders: readonly string[]
  /** Places in `senders`. */
  readonly senderOf: Int32Array
  readonly taken: Uint8Array
  /** By sender. */
  readonly hadMs: Float64Array
  readonly left: Int32Array
  /** All before are taken or too late. */
  begin: number
}

function boardOf<Request extends WaitingRequest>(
  line: ServiceLine<Request>,
  requests: readonly Request[],
): Board<Request> {
  const indices = new Map<string, number>()
  const senderOf = new Int32Array(requests.length)
  for (const [place, { sender }] of requests.entries()) {
    const index = indices.get(sender) ?? indices.size
    indices.set(sender, index)
    senderOf[place] = index
  }
  const senders = [...indices.keys()]
  const hadMs = Float64Array.from(senders, (sender) => line.had.get(sender) ?? 0)
  const left = new Int32Array(senders.length)
  for (const index of senderOf) left[index]! += 1
  return { requests, senders, senderOf, taken: new Uint8Array(requests.length), hadMs, left, begin: 0 }
}

/** Of the senders that still have a request. */
function leastHad({ hadMs, left }: Board<WaitingRequest>): number {
  let least = Number.POSITIVE_INFINITY
  for (let i = 0; i < hadMs.length; i++) if (left[i]! > 0) least = Math.min(least, hadMs[i]!)
  return least
}

/** Places of the requests of the next call; none where all is taken. What is due before it begins is passed over. */
function chooseCall<Request extends WaitingRequest>(
  board: Board<Request>,
  times: CallTimes,
  slackMs: number,
  nowMs: number,
): number[] {
  const { requests, senderOf, taken, hadMs, left } = board
  for (; board.begin < requests.length; board.begin++) {
    if (taken[board.begin] === 1) continue
    if (requests[board.begin]!.dueMs >= nowMs) break
    left[senderOf[board.begin]!]! -= 1
  }
  const limit = leastHad(board) + slackMs
  for (let place = board.begin; place < requests.length; place++) {
    if (taken[place] === 0 && hadMs[senderOf[place]!]! <= limit) return sharers(place, board, times, nowMs)
  }
  return []
}

/** The first's place and those of the others that share its call. */
function sharers(first: number, board: Board<WaitingRequest>, times: CallTimes, nowMs: number): number[] {
  const { requests, taken } = board
  const { wound, dueMs } = requests[first]!
  const call = [first]
  const limit = times.batchLimit(wound)
  if (limit === 1) return call
  const aloneMs = nowMs + times.callMs(wound, 1)
  // Of those that would be in time alone, and of the one that would be next otherwise.
  let firstDueMs = Math.min(
    dueMs < aloneMs ? Number.POSITIVE_INFINITY : dueMs,
    overtaken(first, board, times, aloneMs),
  )
  for (let place = board.begin; place < requests.length && call.length < limit; place++) {
    const other = requests[place]!
    if (taken[place] === 1 || place === first || other.wound !== wound) continue
    const earliestMs = other.dueMs < aloneMs ? firstDueMs : Math.min(firstDueMs, other.dueMs)
    if (nowMs + times.callMs(wound, call.length + 1) > earliestMs) break
    firstDueMs = earliestMs
    call.push(place)
  }
  return call
}

/**
 * Until when a call must have ended for the first of another wound to be in time; for ever where there is none, or it
 * will be late anyway.
 * @param aloneMs when the call of the first alone would have ended.
 */
function overtaken(first: number, board: Board<WaitingRequest>, times: CallTimes, aloneMs: number): number {
  const { requests, taken, begin } = board
  for (let place = begin; place < requests.length; place++) {
    const { wound, dueMs } = requests[place]!
    if (taken[place] === 1 || wound === requests[first]!.wound) continue
    const latestMs = dueMs - times.callMs(wound, 1)
    return latestMs < aloneMs ? Number.POSITIVE_INFINITY : latestMs
  }
  return Number.POSITIVE_INFINITY
}

/** Takes a call's requests off the board and charges their senders. @returns What the call takes. */
function take(board: Board<WaitingRequest>, call: readonly number[], times: CallTimes): number {
  const callMs = times.callMs(board.requests[call[0]!]!.wound, call.length)
  for (const place of call) {
    const sender = board.senderOf[place]!
    board.taken[place] = 1
    board.left[sender]! -= 1
    board.hadMs[sender]! += callMs / call.length
  }
  return callMs
}

/** Who neither waits nor is ahead would begin at the floor anyway. */
function forgetOthers<Request extends WaitingRequest>(line: ServiceLine<Request>): void {
  const competing = new Set(line.waiting.map(({ sender }) => sender))
  for (const [sender, hadMs] of line.had) {
    if (!competing.has(sender) && hadMs <= line.floorMs) line.had.delete(sender)
  }
}
