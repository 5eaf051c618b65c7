import type { PlanPoint } from '../../src/scheduler/plan-point.ts'

/** A cut of a model that takes 100 ms on the edge. */
export const middlePoint: PlanPoint = {
  wound: 'middle',
  codec: 'uint8',
  inputMs: 0,
  headMs: 40,
  encodeMs: 2,
  sendMs: 0,
  bytes: 5000,
  localTailMs: 60,
  backendDecode: 'features',
  backendDecodeMs: 1,
  backendTailMs: 3,
  resultBytes: 1000,
}
