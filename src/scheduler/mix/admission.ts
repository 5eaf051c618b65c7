import type { MixPlan, Resource } from './resource.ts'

/**
 * When a plan would be done if it began now: what it needs of each resource in order, behind what waits there, and the
 * part of its latency that no resource is needed for. O(resources).
 * @param backlogMs by resource: until one of its servers is free for new work
 * @param promisedMs by resource: what comes to it of requests that still wait for one before it. Who waits there behind
 * them waits behind that, too.
 */
export function predictedMs(
  plan: MixPlan,
  resources: readonly Resource[],
  backlogMs: readonly number[],
  promisedMs: readonly number[],
): number {
  let atMs = 0
  let workMs = 0
  for (const [r, { queue }] of resources.entries()) {
    const needMs = plan.use[r]!
    if (queue === undefined || needMs === 0) continue
    const waitMs = backlogMs[r]! + (workMs > 0 ? promisedMs[r]! : 0)
    atMs = Math.max(atMs, waitMs) + needMs
    workMs += needMs
  }
  return atMs + Math.max(0, plan.latencyMs - workMs)
}

/**
 * A frame is not worth waiting for longer than so many times what the edge alone takes: a newer one will be here. With 3,
 * an overloaded camera is answered at 0.95 of the bound instead of 0.97; with 5 and more, streams over links that change
 * (recorded cellular ones) lose up to a tenth of their answers behind frames that come too late.
 */
const localTimes = 4

/**
 * The latest that a frame may be answered, counted from now, to be let in: its deadline, and a few times what the slowest
 * way that waits for nobody takes on the edge alone.
 */
export function doorMs(localMs: number, deadlineMs = Infinity): number {
  return Math.min(deadlineMs, localTimes * localMs)
}
