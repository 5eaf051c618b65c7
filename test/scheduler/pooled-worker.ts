import type { PooledWorker } from '../../src/latency-model/worker-belief.ts'

/** A worker that is as fast as it announces and has nothing to do, but for what is given. */
export function pooledWorker(fields: Partial<PooledWorker> = {}): PooledWorker {
  return {
    id: 'w',
    tailMs: new Map([
      ['input', 10],
      ['middle', 5],
    ]),
    pictureMs: 1,
    queueMs: 0,
    ownMs: 0,
    tailFactor: 1,
    pictureFactor: 1,
    featuresFactor: 1,
    outstanding: 0,
    lastSentAtMs: Number.NEGATIVE_INFINITY,
    trust: { kind: 'trusted' },
    ...fields,
  }
}
