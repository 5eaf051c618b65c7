import { predict } from '../../../src/scheduler/choose-plan.ts'
import { ArrivalEstimator } from '../../../src/scheduler/mix/arrival-estimator.ts'
import { inputWound, type PlanPoint } from '../../../src/scheduler/plan-point.ts'
import { type Offers, offersOf } from '../../../src/scheduler/planner.ts'
import type { SimulatedRequest } from '../simulate.ts'
import { leftAlone, noInsurance, type Policy, withoutCodecs } from './policy.ts'

/** What a plan without codecs takes on edge, link and worker, as these systems add it up. */
interface Parts {
  readonly point: PlanPoint
  readonly edgeMs: number
  readonly linkMs: number
  readonly workerMs: number
}

/** From the input to the deepest wound, the local plan last. */
function partsOf({ offers, local }: Offers, bps: number, wounds: readonly string[]): Parts[] {
  const points = [...(offers[0]?.points ?? []).filter((point) => point !== local), local]
  return points
    .map((point) => ({
      point,
      edgeMs: point.headMs + point.encodeMs,
      linkMs: (8000 * point.bytes) / bps,
      workerMs: point.backendTailMs,
    }))
    .toSorted((a, b) => wounds.indexOf(a.point.wound) - wounds.indexOf(b.point.wound))
}

function least(parts: readonly Parts[], cost: (parts: Parts) => number): PlanPoint {
  return parts.reduce((best, other) => (cost(other) < cost(best) ? other : best)).point
}

const total = ({ edgeMs, linkMs, workerMs }: Parts) => edgeMs + linkMs + workerMs

/**
 * Neurosurgeon (Kang et al., ASPLOS 2017): the wound of a chain with the least sum of times at the bandwidth and the
 * worker's load of the moment; float32, no codec, no fall-back. It is given the agent's own belief of the link.
 */
export function neurosurgeon(): Policy {
  return {
    name: 'neurosurgeon',
    summary: 'least sum of times over the wounds, float32',
    setup: noInsurance,
    decide:
      () =>
      (setup, beliefs, { bytes }) => {
        const offers = offersOf(withoutCodecs(setup), beliefs, bytes)
        const [offer] = offers.offers
        if (offer === undefined || beliefs.link.kind !== 'up') return leftAlone(offers.local, offers)
        const { backlogBytes: _, ...link } = beliefs.link
        const conditions = {
          ...offer.conditions,
          edgeFactor: 1,
          edgeWaitMs: 0,
          resume: 'when-late',
          link: { ...link, backlogBytes: 0, relativeDeviation: 0 },
        } as const
        const predicted = offer.points.map((point) => predict(point, conditions))
        const best = predicted.reduce((first, other) => (other.expectedMs < first.expectedMs ? other : first))
        return leftAlone(best.point, offers)
      },
  }
}

/**
 * DADS (Hu et al., INFOCOM 2019) on the chain of wounds, as published. Lightly loaded: the minimum cut of a graph without
 * arcs back, whose input is free in the cloud and in which data come back for nothing; where its cut is no plan, what
 * crosses first is what is sent. Loaded beyond what its slowest stage can do: the wound whose slowest stage is fastest.
 */
export function dads(): Policy {
  const arrivals = new ArrivalEstimator()
  return {
    name: 'dads',
    summary: "DADS's published cut, its heavy mode under load, float32",
    setup: noInsurance,
    decide:
      () =>
      (setup, beliefs, { bytes }) => {
        arrivals.observe(beliefs.nowMs)
        const offers = offersOf(withoutCodecs(setup), beliefs, bytes)
        if (beliefs.link.kind !== 'up' || offers.offers.length === 0) return leftAlone(offers.local, offers)
        const wounds = setup.chain.wounds.map(({ id }) => id)
        const parts = partsOf(offers, beliefs.link.uplinkBps, wounds)
        const light = parts[publishedCut(parts)]!
        const slowest = ({ edgeMs, linkMs, workerMs }: Parts) => Math.max(edgeMs, linkMs, workerMs)
        const isLight = (slowest(light) * arrivals.ratePerS(beliefs.nowMs)) / 1000 < 1
        return leftAlone(isLight ? light.point : least(parts, slowest), offers)
      },
  }
}

/**
 * Which wound the cut of DADS's published graph sends at: each piece of the chain on the edge or in the cloud, a transfer
 * paid wherever the cloud follows the edge and nowhere else. On a chain this sum is the minimum cut. O(wounds).
 */
export function publishedCut(parts: readonly Pick<Parts, 'edgeMs' | 'linkMs' | 'workerMs'>[]): number {
  /** The cheapest way so far that ends at that place, and where it first went from the edge to the cloud. */
  let edge = { ms: 0, crossed: parts.length - 1 }
  let cloud = { ms: 0, crossed: 0 }
  for (let i = 1; i < parts.length; i++) {
    const [before, here] = [parts[i - 1]!, parts[i]!]
    const over = { ms: edge.ms + before.linkMs, crossed: Math.min(edge.crossed, i - 1) }
    const toCloud = over.ms < cloud.ms ? over : cloud
    const toEdge = cloud.ms < edge.ms ? cloud : edge
    edge = { ...toEdge, ms: toEdge.ms + here.edgeMs - before.edgeMs }
    cloud = { ...toCloud, ms: toCloud.ms + before.workerMs - here.workerMs }
  }
  return cloud.ms < edge.ms ? cloud.crossed : edge.crossed
}

/** Weight of the newest measurement. */
const newestWeight = 0.3

/**
 * SCIoT, the nearest open runtime (github.com/UBICO): least sum of moving averages over the wounds, the link's taken as
 * bytes over time of the last transfers; no codec, all local only while the link is lost.
 */
export function sciot(): Policy {
  let bps: number | undefined
  return {
    name: 'sciot',
    summary: 'least sum of moving averages, float32, local only without a link',
    setup: noInsurance,
    decide:
      () =>
      (setup, beliefs, { bytes }) => {
        const offers = offersOf(withoutCodecs(setup), beliefs, bytes)
        if (beliefs.link.kind === 'down' || offers.offers.length === 0) return leftAlone(offers.local, offers)
        const wounds = setup.chain.wounds.map(({ id }) => id)
        const parts = partsOf(offers, bps ?? Infinity, wounds)
        const point =
          bps === undefined ? parts.find(({ point: { wound } }) => wound === inputWound)?.point : undefined
        return leftAlone(point ?? least(parts, total), offers)
      },
    ended: ({ trace: { measured } }: SimulatedRequest) => {
      const { ackMs, sentBytes } = measured
      if (ackMs === undefined || !(ackMs > 0)) return
      const now = (8000 * sentBytes) / ackMs
      bps = bps === undefined ? now : bps + newestWeight * (now - bps)
    },
  }
}
