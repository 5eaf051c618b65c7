// One direction of a link: a bounded first-in first-out buffer, served at the link's capacity, then a constant delay.
// Time is an argument, never read: the same code runs under a test's virtual clock and under the emulator's real one.
//
// The server keeps `served`, a position on the capacity curve (bytes used or lost so far). A byte at the head of the
// buffer leaves at the first moment the curve passes served + 1; an idle server moves `served` up to the present, as
// capacity nobody used is lost. Whatever the moments at which the shaper is asked, bytes leave at the same times.
// O(pieces moved) per call.

import { type Capacity, capacityCurve } from './link-capacity.ts'

/** What crosses: bytes, or (undefined) the end of the flow, which costs one byte so that an outage holds it as well. */
type Load = Uint8Array | undefined

interface Piece<Flow> {
  readonly flow: Flow
  readonly load: Load
}

export interface Arrival<Flow> extends Piece<Flow> {
  /** When the piece's last byte left the buffer. */
  readonly leftMs: number
  /** When it came out at the far end. */
  readonly arrivedMs: number
}

export interface LinkShaperOptions {
  readonly capacity: Capacity
  readonly oneWayDelayMs: number
  /** Room for bytes that wait to cross. */
  readonly bufferBytes: number
  /**
   * For an owner that may be late to fetch bytes that do wait: when the buffer runs empty, capacity of the last `lateMs`
   * stays usable until the owner has looked and calls `endGrace`. 0 (default) is the exact model.
   */
  readonly lateMs?: number
  readonly nowMs: number
}

export interface LinkShaper<Flow> {
  /** @throws {RangeError} where `bytes` is longer than `freeBytes()` */
  offer(flow: Flow, bytes: Uint8Array, nowMs: number): void
  /** Marks the end of a flow; arrives behind all its bytes. */
  offerEnd(flow: Flow, nowMs: number): void
  /** Everything that has arrived at the far end by `nowMs`, in order. */
  collect(nowMs: number): Arrival<Flow>[]
  /** Applies from `nowMs` on; a trace starts at its beginning. */
  setCapacity(capacity: Capacity, nowMs: number): void
  /** Applies to what leaves the buffer from `nowMs` on; never lets bytes overtake each other. */
  setOneWayDelay(oneWayDelayMs: number, nowMs: number): void
  /** Whether the buffer has run empty and capacity is kept for bytes that the owner has not fetched yet. */
  inGrace(): boolean
  /** The owner has had the chance to fetch what was waiting. */
  endGrace(nowMs: number): void
  /** Drops what the flow still has in the buffer and in flight. */
  discard(flow: Flow): void
  freeBytes(): number
  /** Bytes in the buffer, without those in flight. */
  queuedBytes(): number
  /** When `collect` will next have something to do; Infinity when only `offer` can change that. */
  wakeAtMs(): number
}

/** @throws {RangeError} where an option is out of range */
export function createLinkShaper<Flow>(options: LinkShaperOptions): LinkShaper<Flow> {
  const { bufferBytes, lateMs = 0 } = options
  if (!(bufferBytes > 0))
    throw new RangeError(`Cannot shape the link: bufferBytes must be > 0, current value is ${bufferBytes}`)
  let delayMs = checkedDelay(options.oneWayDelayMs)
  let curve = capacityCurve(options.capacity)
  let epochMs = options.nowMs
  let served = 0
  let queue: Piece<Flow>[] = []
  let queuedBytes = 0
  let inFlight: Arrival<Flow>[] = []
  let lastArrivedMs = Number.NEGATIVE_INFINITY
  let inGrace = false

  const leave = ({ flow, load }: Piece<Flow>, nowMs: number): void => {
    // Rounding must not put into the future what the curve says has left.
    const leftMs = Math.min(nowMs, epochMs + curve.timeOf(served))
    lastArrivedMs = Math.max(lastArrivedMs, leftMs + delayMs)
    inFlight.push({ flow, load, leftMs, arrivedMs: lastArrivedMs })
  }

  const serve = (nowMs: number): void => {
    const total = curve.bytesBy(nowMs - epochMs)
    let done = 0
    for (; done < queue.length; done++) {
      const head = queue[done]!
      const size = head.load?.length ?? 1
      let moved = 0
      while (moved < size) {
        const piece = Math.min(size - moved, curve.pieceBytes, Math.floor(total - served))
        if (piece <= 0) break
        served += piece
        leave({ flow: head.flow, load: head.load?.subarray(moved, moved + piece) }, nowMs)
        moved += piece
      }
      queuedBytes -= moved
      if (moved < size) {
        if (moved > 0) queue[done] = { flow: head.flow, load: head.load?.subarray(moved) }
        break
      }
    }
    if (done > 0) queue.splice(0, done)
    if (queue.length > 0) return
    if (done > 0 && lateMs > 0) inGrace = true
    const usableFromMs = inGrace ? nowMs - lateMs : nowMs
    served = Math.max(served, curve.bytesBy(Math.max(0, usableFromMs - epochMs)))
  }

  return {
    offer(flow, bytes, nowMs) {
      serve(nowMs)
      if (bytes.length > bufferBytes - queuedBytes)
        throw new RangeError(
          `Cannot offer bytes to the link: length must be <= ${bufferBytes - queuedBytes} free bytes, current value is ${bytes.length}`,
        )
      if (bytes.length === 0) return
      queue.push({ flow, load: bytes })
      queuedBytes += bytes.length
    },
    offerEnd(flow, nowMs) {
      serve(nowMs)
      queue.push({ flow, load: undefined })
      queuedBytes += 1
    },
    collect(nowMs) {
      serve(nowMs)
      let due = 0
      while (due < inFlight.length && inFlight[due]!.arrivedMs <= nowMs) due++
      return inFlight.splice(0, due)
    },
    setCapacity(capacity, nowMs) {
      const next = capacityCurve(capacity)
      serve(nowMs)
      curve = next
      epochMs = nowMs
      served = 0
    },
    setOneWayDelay(oneWayDelayMs, nowMs) {
      const next = checkedDelay(oneWayDelayMs)
      serve(nowMs)
      delayMs = next
    },
    inGrace: () => inGrace,
    endGrace(nowMs) {
      serve(nowMs)
      inGrace = false
    },
    discard(flow) {
      queue = queue.filter((piece) => piece.flow !== flow)
      queuedBytes = queue.reduce((sum, { load }) => sum + (load?.length ?? 1), 0)
      inFlight = inFlight.filter((piece) => piece.flow !== flow)
    },
    freeBytes: () => Math.max(0, bufferBytes - queuedBytes),
    queuedBytes: () => queuedBytes,
    wakeAtMs() {
      const head = queue[0]
      const piece = head && Math.min(head.load?.length ?? 1, curve.pieceBytes)
      const leaves = piece === undefined ? Number.POSITIVE_INFINITY : epochMs + curve.timeOf(served + piece)
      return Math.min(leaves, inFlight[0]?.arrivedMs ?? Number.POSITIVE_INFINITY)
    },
  }
}

function checkedDelay(oneWayDelayMs: number): number {
  if (!(oneWayDelayMs >= 0 && oneWayDelayMs < Number.POSITIVE_INFINITY))
    throw new RangeError(
      `Cannot shape the link: oneWayDelayMs must be >= 0, current value is ${oneWayDelayMs}`,
    )
  return oneWayDelayMs
}
