import type { LinkState } from '../../src/bandwidth-probe/link-belief.ts'
import type { Beliefs } from '../../src/scheduler/beliefs.ts'
import { pooledWorker } from './pooled-worker.ts'

/** Of 250 bytes a millisecond. */
export const toyLink: Extract<LinkState, { kind: 'up' }> = {
  kind: 'up',
  uplinkBps: 2e6,
  downlinkBps: 20e6,
  roundTripMs: 4,
  backlogBytes: 0,
  relativeDeviation: 0.05,
}

/** Of a machine that has nothing to do, a link and a worker, but for what is given. */
export function toyBeliefs(fields: Partial<Beliefs> = {}): Beliefs {
  return {
    nowMs: 0,
    link: toyLink,
    edge: { factor: 1, waitMs: 0, inputMs: 0, inputs: new Map() },
    workers: [pooledWorker()],
    promisedBytes: 0,
    ...fields,
  }
}
