import { expectedMinimum } from './expected-minimum.ts'
import { localWound, noCodec, type PlanPoint } from './plan-point.ts'

/** What is believed about machines and link when a plan is made. */
export interface Conditions {
  /** How much slower than its profile the edge is now, and what its engine still has to do first. */
  readonly edgeFactor: number
  readonly edgeWaitMs: number
  /** Undefined while the link is not known or known to be down: only the local plan is possible. */
  readonly link: LinkConditions | undefined
  /** When the edge goes on by itself: as soon as the head is done, or once the worker is late. */
  readonly resume: Resume
  /** How much slower than announced the worker is, and how long a request waits there. */
  readonly backendFactor: number
  readonly backendWaitMs: number
}

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
}

export interface Prediction {
  readonly point: PlanPoint
  /** Until the head is done and encoded. */
  readonly edgeMs: number
  /** Until the worker's answer is here; infinite for the local plan. */
  readonly remoteMs: number
  readonly remoteDeviationMs: number
  /** Until the edge goes on by itself. */
  readonly resumeMs: number
  /** Until the edge has finished by itself. */
  readonly localMs: number
  /** Expected time of whichever is first. */
  readonly expectedMs: number
}

/**
 * A split that is not expected to save this share of the local time is not worth its bytes and its worker; a threshold
 * on what is gained, so it does not make a plan stick.
 */
const worthwhileShare = 0.03

/** With `when-late`, an answer that is so many standard deviations late is not waited for alone any longer. */
const lateDeviations = 2

/** When each answer would be there, counted from now. Pure. */
export function predict(point: PlanPoint, conditions: Conditions): Prediction {
  // What the engine has no part in does not wait for it: sending the input begins at once.
  const waitMs = point.headMs > 0 ? conditions.edgeWaitMs : 0
  const edgeMs = waitMs + conditions.edgeFactor * (point.headMs + point.encodeMs)
  const localTailMs = conditions.edgeWaitMs - waitMs + conditions.edgeFactor * point.localTailMs
  const { link } = conditions
  if (point.wound === localWound || link === undefined) {
    const localMs = edgeMs + localTailMs
    return {
      point,
      edgeMs,
      remoteMs: Infinity,
      remoteDeviationMs: 0,
      resumeMs: edgeMs,
      localMs,
      expectedMs: localMs,
    }
  }
  const upMs = (8000 * (point.bytes + link.backlogBytes)) / link.uplinkBps
  const downMs = (8000 * point.resultBytes) / link.downlinkBps
  const networkMs = link.roundTripMs + upMs + downMs
  // What is not the link's is known well: only the link's part is uncertain.
  const certainMs = edgeMs + conditions.backendWaitMs + conditions.backendFactor * point.backendMs
  const remoteMs = certainMs + networkMs
  const remoteDeviationMs = link.relativeDeviation * networkMs
  const resumeMs = conditions.resume === 'at-once' ? edgeMs : remoteMs + lateDeviations * remoteDeviationMs
  const localMs = resumeMs + localTailMs
  const expectedMs = certainMs + expectedMinimum(networkMs, remoteDeviationMs, localMs - certainMs)
  return { point, edgeMs, remoteMs, remoteDeviationMs, resumeMs, localMs, expectedMs }
}

export interface Choice {
  readonly chosen: Prediction
  /** Every prediction, best first, the local plan included. */
  readonly ranked: readonly [Prediction, ...Prediction[]]
}

/** The all-local plan of a model that takes `wholeMs` on the edge. */
export function localPoint(wholeMs: number): PlanPoint {
  return {
    wound: localWound,
    codec: noCodec,
    headMs: wholeMs,
    encodeMs: 0,
    bytes: 0,
    localTailMs: 0,
    backendMs: 0,
    resultBytes: 0,
  }
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
  const ranked = possible
    .map((point) => predict(point, conditions))
    .toSorted((a, b) => a.expectedMs - b.expectedMs) as [Prediction, ...Prediction[]]
  const fallback = ranked.find((prediction) => prediction.point === local)!
  const best = ranked[0]
  const chosen = best.expectedMs < (1 - worthwhileShare) * fallback.expectedMs ? best : fallback
  return { chosen, ranked }
}
