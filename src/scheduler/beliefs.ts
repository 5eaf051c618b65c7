import type { LinkState } from '../bandwidth-probe/link-belief.ts'
import type { EdgeState } from '../latency-model/edge-belief.ts'
import type { PooledWorker } from '../latency-model/worker-belief.ts'

/** Everything a plan is made from, as it is believed at one moment: plain data, whoever believes it. */
export interface Beliefs {
  readonly nowMs: number
  readonly link: LinkState
  readonly edge: EdgeState
  /** Those that announce the model, in no order. */
  readonly workers: readonly PooledWorker[]
  /** What requests that are under way will send whose heads are not done. */
  readonly promisedBytes: number
}
