import { offersOf } from '../../../src/scheduler/planner.ts'
import type { Hindsight } from '../hindsight.ts'
import { leftAlone, noInsurance, type Policy } from './policy.ts'

/** The plan that is really done first, behind what really waits: it knows the link's trace. */
export function oracle(hindsightOf: () => Hindsight): Policy {
  return {
    name: 'oracle',
    summary: 'knows the trace; each request its own fastest plan',
    setup: noInsurance,
    decide: ({ uplink, downlink, clock }) => {
      const hindsight = hindsightOf()
      return (setup, beliefs, { bytes }) => {
        const offers = offersOf(setup, beliefs, bytes)
        const points = offers.offers[0]?.points ?? [offers.local]
        const backlog = {
          edgeMs: beliefs.edge.waitMs,
          uplinkFreeMs: uplink.freeMs,
          downlinkFreeMs: downlink.freeMs,
        }
        const timed = points.map((point) => {
          const payload = hindsight.payloadBytes(point, bytes)
          return { point, ms: hindsight.takesMs(point, clock.now(), payload, backlog) }
        })
        return leftAlone(timed.reduce((best, other) => (other.ms < best.ms ? other : best)).point, offers)
      }
    },
  }
}
