import type { PlanSetup } from '../../src/scheduler/planner.ts'

/** An edge and the workers that finish for it. */
export interface MachinePair {
  /** What the agent knows of the model and of itself. */
  readonly setup: PlanSetup
  /** By wound, as a worker announces it; decoding a picture not included. */
  readonly tailMs: ReadonlyMap<string, number>
}
