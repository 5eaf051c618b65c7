/**
 * One way to answer: a wound and a codec, with what it costs before any link is known. Milliseconds are as profiled;
 * the planner multiplies them by how much slower the machines are now.
 */
export interface PlanPoint {
  readonly wound: string
  readonly codec: string
  /** The head's layers on the edge. */
  readonly headMs: number
  readonly encodeMs: number
  /** Payload that goes up. */
  readonly bytes: number
  /** The layers that are left, on the edge: what finishing locally costs once the head is done. */
  readonly localTailMs: number
  /** Decode and tail on a worker, as that worker announced. */
  readonly backendMs: number
  /** Payload that comes back. */
  readonly resultBytes: number
}

/** The name of the last wound, and of the codec that goes with it. */
export const localWound = 'local'
export const noCodec = 'none'

/**
 * Drops every point that another one matches or beats in head, bytes, backend and encode time at once: no link makes
 * such a point the best. O(n^2) on a few dozen points.
 */
export function paretoPoints(points: readonly PlanPoint[]): PlanPoint[] {
  const dominates = (a: PlanPoint, b: PlanPoint) =>
    a.headMs + a.encodeMs <= b.headMs + b.encodeMs && a.bytes <= b.bytes && a.backendMs <= b.backendMs
  return points.filter(
    (point, i) =>
      !points.some((other, j) => j !== i && dominates(other, point) && (j < i || !dominates(point, other))),
  )
}
