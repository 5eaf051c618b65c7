import { type LineDeviation, lineDeviationMs } from '../bandwidth-probe/line-fit.ts'
import { expectedMinimum } from './expected-minimum.ts'
import { computesFirst, localWound, type PlanPoint } from './plan-point.ts'

/** What is believed about machines and link when a plan is made. */
export interface Conditions {
  /** How much slower than its profile the edge is now, and what its engine still has to do first. */
  readonly edgeFactor: number
  readonly edgeWaitMs: number
  /** Undefined while the link is not known or known to be down: only the local plan is possible. */
  readonly link: LinkConditions | undefined
  /** When the edge goes on by itself: as soon as the head is done, or once the worker is late. */
  readonly resume: Resume
  /** How long a request waits at the worker, and how much slower than announced it is there, by kind of work. */
  readonly backendWaitMs: number
  readonly tailFactor: number
  readonly pictureFactor: number
  readonly featuresFactor: number
}

/** Of a plan that no worker has a part in. */
export const noBackend = { backendWaitMs: 0, tailFactor: 1, pictureFactor: 1, featuresFactor: 1 } as const

export type Resume = 'at-once' | 'when-late'

export interface LinkConditions {
  readonly uplinkBps: number
  readonly downlinkBps: number
  /** What an empty request and its empty answer take. */
  readonly roundTripMs: number
  /** Payload that is still on its way up. */
  readonly backlogBytes: number
  /** Standard deviation of a transfer time, relative to it. */
  readonly relativeDeviation: number
  /** How little is known of the uplink's own line, which is what makes trying it worth something. */
  readonly line?: LineDeviation
  /** Speed and round trip have not been measured: they serve to plan with and are told to nobody. */
  readonly isGuess?: boolean
}

export interface Prediction {
  readonly point: PlanPoint
  /** Until the head is done and encoded. */
  readonly edgeMs: number
  /** Until the worker's answer is here; infinite for the local plan. */
  readonly remoteMs: number
  readonly remoteDeviationMs: number
  /** What of it is the answer's way down, half of an empty exchange included. */
  readonly returnMs: number
  /** From when on the worker's answer is late, as far as the link's uncertainty tells; infinite for the local plan. */
  readonly lateMs: number
  /** Until the edge has finished by itself. */
  readonly localMs: number
  /** Expected time of whichever is first. */
  readonly expectedMs: number
}

/**
 * A split that is not expected to save this share of the local time is not worth its bytes and its worker; a threshold
 * on what is gained, so it does not make a plan stick.
 */
export const worthwhileShare = 0.01

/** With `when-late`, an answer that is so many standard deviations late is not waited for alone any longer. */
const lateDeviations = 2

/** What nothing is known of must not look better than what is known: by its own time at most a transfer is in doubt. */
const mostDoubt = 1

/** When each answer would be there, counted from now. Pure. */
export function predict(point: PlanPoint, conditions: Conditions): Prediction {
  const { edgeFactor, edgeWaitMs, link } = conditions
  // The input is made while the engine is still busy with others.
  const readyMs = Math.max(edgeWaitMs, point.inputMs)
  const computes = computesFirst(point)
  const edgeMs = computes ? readyMs + edgeFactor * (point.headMs + point.encodeMs) : point.sendMs
  const localTailMs = edgeFactor * point.localTailMs
  if (point.wound === localWound || link === undefined) {
    const localMs = (computes ? edgeMs : readyMs) + localTailMs
    return {
      point,
      edgeMs,
      remoteMs: Infinity,
      remoteDeviationMs: 0,
      returnMs: 0,
      lateMs: Infinity,
      localMs,
      expectedMs: localMs,
    }
  }
  const byteMs = 8000 / link.uplinkBps
  // What is on its way crosses while the edge computes.
  const upMs = byteMs * point.bytes + Math.max(0, byteMs * link.backlogBytes - edgeMs)
  const downMs = (8000 * point.resultBytes) / link.downlinkBps
  const networkMs = link.roundTripMs + upMs + downMs
  // What is not the link's is known well: only the link's part is uncertain.
  const certainMs = edgeMs + conditions.backendWaitMs + backendMs(point, conditions)
  const remoteMs = certainMs + networkMs
  const lineMs =
    link.line === undefined ? 0 : Math.min(mostDoubt * networkMs, lineDeviationMs(link.line, point.bytes))
  const remoteDeviationMs = Math.hypot(link.relativeDeviation * networkMs, lineMs)
  const lateMs = remoteMs + lateDeviations * remoteDeviationMs
  const resumeMs = conditions.resume === 'at-once' ? 0 : lateMs
  // Where the input is what is sent, the model's input is made only when the edge begins by itself.
  const beginMs = computes ? edgeMs : Math.max(edgeWaitMs, resumeMs + point.inputMs)
  const localMs = Math.max(edgeMs, resumeMs, beginMs) + localTailMs
  const expectedMs = certainMs + expectedMinimum(networkMs, remoteDeviationMs, localMs - certainMs)
  const returnMs = downMs + link.roundTripMs / 2
  return { point, edgeMs, remoteMs, remoteDeviationMs, returnMs, lateMs, localMs, expectedMs }
}

/** What a worker computes for a plan now. */
export function backendMs(point: PlanPoint, conditions: Conditions): number {
  const { backendDecode, backendDecodeMs, backendTailMs } = point
  const { tailFactor, pictureFactor, featuresFactor } = conditions
  const decodeFactor = backendDecode === 'picture' ? pictureFactor : featuresFactor
  return decodeFactor * backendDecodeMs + tailFactor * backendTailMs
}

export interface Choice {
  readonly chosen: Prediction
  /** Every prediction, best first, the local plan included. */
  readonly ranked: readonly [Prediction, ...Prediction[]]
}

/**
 * The plan with the least expected completion time. `points` holds the local plan; without a link it is the only one
 * that counts. O(n log n).
 * @throws {RangeError} where there is no local plan among the points.
 */
export function choosePlan(points: readonly PlanPoint[], conditions: Conditions): Choice {
  const local = points.find((point) => point.wound === localWound)
  if (local === undefined) throw new RangeError('Cannot plan: the local plan must be among the points')
  const possible = conditions.link === undefined ? [local] : points
  const ranked = rank(possible, conditions)
  const [best] = ranked
  const fallback = ranked.find((prediction) => prediction.point === local)!
  const chosen = best.expectedMs < (1 - worthwhileShare) * fallback.expectedMs ? best : fallback
  return { chosen, ranked }
}

/**
 * The predictions of some points, best first. O(n log n).
 * @throws {RangeError} for no point.
 */
export function rank(
  points: readonly PlanPoint[],
  conditions: Conditions,
): readonly [Prediction, ...Prediction[]] {
  const [best, ...others] = points
    .map((point) => predict(point, conditions))
    .toSorted((a, b) => a.expectedMs - b.expectedMs)
  if (best === undefined) throw new RangeError('Cannot rank: there must be at least one plan')
  return [best, ...others]
}
