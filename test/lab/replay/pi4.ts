import { answerSpec } from '../../../src/answer/answer-spec.ts'
import { modelCalibration } from '../../../src/codec/model-codecs.ts'
import { segmentChain } from '../../../src/executor/segment-chain.ts'
import { loadModel } from '../../../src/model-graph/load-model.ts'
import { defaultMaxAccuracyLoss } from '../../../src/scheduler/accuracy-budget.ts'
import { plannedWounds } from '../../../src/scheduler/candidate-wounds.ts'
import { codecOptions } from '../../../src/scheduler/codec-options.ts'
import type { PlanSetup } from '../../../src/scheduler/planner.ts'

const wholeMs = 100
/** Of a picture in a codec of its own, and of what crosses elsewhere, at the speed of a Pi 4's JavaScript. */
const encodeMs = 8

/** The bundled MobileNetV2 with its calibration on an edge that takes 100 ms, as onnxruntime on a Pi 4 about does. */
export async function mobileNetOnPi4(): Promise<PlanSetup> {
  const { graph, hash, manifest } = await loadModel('mobilenetv2')
  const calibration = await modelCalibration('mobilenetv2', hash)
  const chain = segmentChain(graph, plannedWounds(graph, calibration))
  const wounds = chain.wounds.slice(0, -1).map(({ id }) => id)
  const allowed = {
    featureCodecs: [],
    inputCodecs: ['received'],
    maxAccuracyLoss: defaultMaxAccuracyLoss,
  }
  const codecs = codecOptions(wounds, allowed, calibration)
  const operations = chain.segments.reduce((sum, segment) => sum + segment.operations, 0)
  return {
    graph,
    chain,
    profile: {
      version: 2,
      modelHash: hash,
      engine: 'onnxruntime',
      threads: 1,
      slowdown: 1,
      machine: 'Pi 4',
      measuredAt: '2026-01-01T00:00:00.000Z',
      segments: chain.segments.map((segment, i) => ({
        from: chain.wounds[i]!.id,
        to: chain.wounds[i + 1]!.id,
        operations: segment.operations,
        medianMs: (wholeMs * segment.operations) / operations,
        madMs: 0,
        runs: 1,
      })),
      codecs: [...codecs].flatMap(([wound, options]) =>
        wound === 'input' ? [] : options.map(({ codec, bytes = 0 }) => ({ wound, codec, encodeMs, bytes })),
      ),
    },
    policy: 'surgeon',
    codecs,
    resume: 'at-once',
    answer: answerSpec(manifest, graph),
  }
}
