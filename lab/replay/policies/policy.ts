import type { Decide } from '../../../agent/stream-program.ts'
import type { Beliefs } from '../../../src/scheduler/beliefs.ts'
import { noBackend, type Prediction } from '../../../src/scheduler/choose-plan.ts'
import { doorMs } from '../../../src/scheduler/mix/admission.ts'
import type { StreamSettings } from '../../../src/scheduler/mix/mix.ts'
import type { FrameDecision } from '../../../src/scheduler/plan-frame.ts'
import { localWound, type PlanPoint } from '../../../src/scheduler/plan-point.ts'
import { type Offers, offersOf, type PlanSetup } from '../../../src/scheduler/planner.ts'
import type { RealWorld, SimulatedRequest } from '../simulate.ts'

/** Who decides what becomes of each request. */
export interface Policy {
  readonly name: string
  /** What it is, in a few words. */
  readonly summary: string
  /** As the agent's own is run with. */
  readonly setup?: Partial<Pick<PlanSetup, 'policy' | 'resume'>>
  /** The agent's own mix where absent. */
  readonly decide?: (real: RealWorld) => Decide
  /** Learns from what became of a request. */
  readonly ended?: (request: SimulatedRequest) => void
}

/** Everything at once, in a way the agent could: what the others may cross with. */
export const noInsurance = { resume: 'when-late' } as const

/** A plan that is left to itself: the edge goes on by itself only once the worker has failed. */
export function leftAlone(point: PlanPoint, { offers, alone }: Offers): FrameDecision {
  const worker = point.wound === localWound ? undefined : offers[0]?.worker
  const edgeMs = point.headMs + point.encodeMs
  const isLocal = worker === undefined
  const chosen: Prediction = {
    point,
    edgeMs,
    remoteMs: Infinity,
    remoteDeviationMs: 0,
    returnMs: 0,
    lateMs: Infinity,
    localMs: isLocal ? edgeMs : Infinity,
    expectedMs: edgeMs,
  }
  return { kind: 'plan', plan: { chosen, ranked: [chosen], worker, conditions: { ...alone, ...noBackend } } }
}

/** What may cross as it is, whatever was calibrated: what systems without codecs send. */
export function withoutCodecs(setup: PlanSetup): PlanSetup {
  const asItIs = (wound: string) => [{ codec: wound === 'input' ? 'raw' : 'float32', bytes: undefined }]
  return { ...setup, codecs: new Map([...setup.codecs.keys()].map((wound) => [wound, asItIs(wound)])) }
}

/**
 * Newest first, as the agent's own: a frame that waits longer than the door allows before anything of it is done is left
 * out. Without it every policy that cannot keep up would answer nothing in time.
 */
export function behindDoor(stream: StreamSettings, decide: Decide): Decide {
  if (stream.keep === 'all') return decide
  return (setup, beliefs, input) => {
    const decision = decide(setup, beliefs, input)
    if (decision.kind === 'shed') return decision
    const { point } = decision.plan.chosen
    const localMs = offersOf(setup, beliefs, input.bytes).local.headMs
    const waitMs = Math.max(
      point.headMs > 0 ? beliefs.edge.waitMs : 0,
      point.bytes > 0 ? uplinkWaitMs(beliefs) : 0,
    )
    if (waitMs <= doorMs(localMs, stream.deadlineMs)) return decision
    return { kind: 'shed', reason: 'late' }
  }
}

function uplinkWaitMs({ link, nowMs, promisedBytes }: Beliefs): number {
  if (link.kind === 'up') return (8000 * (link.backlogBytes + promisedBytes)) / link.uplinkBps
  return link.kind === 'down' ? nowMs - link.sinceMs : 0
}
