import { agentConfigSchema } from '../agent/config.ts'
import { EdgeRuntime } from '../agent/edge-runtime.ts'
import { type AnswerSpec, answerSpec } from '../src/answer/answer-spec.ts'
import type { Calibration } from '../src/codec/calibration-file.ts'
import { modelCalibration } from '../src/codec/model-codecs.ts'
import type { EngineName } from '../src/executor/engine.ts'
import type { SegmentChain } from '../src/executor/segment-chain.ts'
import type { Profile } from '../src/latency-model/profile.ts'
import { loadModel } from '../src/model-graph/load-model.ts'
import type { Model } from '../src/model-graph/model.ts'
import type { CodecOption } from '../src/scheduler/codec-options.ts'
import type { Log } from '../src/telemetry/log.ts'

export interface EdgeChoice {
  readonly model: string
  readonly engine: EngineName
  readonly threads: number
  readonly stateDirectory: string
  readonly maxAccuracyLoss?: number
  /** Codecs of the input besides the calibrated ones. */
  readonly inputCodecs?: readonly string[]
}

/** What an agent with these settings would know of the model and of itself. */
export interface MeasuredEdge {
  readonly model: Model
  readonly calibration: Calibration | undefined
  readonly chain: SegmentChain
  readonly codecs: ReadonlyMap<string, readonly CodecOption[]>
  readonly profile: Profile
  /** How workers are to condense the outputs; undefined where the answer is the outputs themselves. */
  readonly answer: AnswerSpec | undefined
}

/**
 * The edge as an agent sees it.
 * @param profile a stored one; without it this machine is measured now and the result kept in the state directory.
 */
export async function measuredEdge(choice: EdgeChoice, log: Log, profile?: Profile): Promise<MeasuredEdge> {
  const given = agentConfigSchema.parse({
    ...choice,
    device: 'here',
    mqtt: { url: 'mqtt://127.0.0.1:1883' },
    // What is measured is the same; the daemon's cache is not this user's.
    compiledCache: { bytes: 0 },
  })
  const model = await loadModel(choice.model)
  const calibration = await modelCalibration(choice.model, model.hash)
  const edge = new EdgeRuntime({ ...given, engine: choice.engine, threads: choice.threads }, model, {
    calibration,
    log,
  })
  const { chain, codecs } = edge
  const known = { model, calibration, chain, codecs, answer: answerSpec(model.manifest, model.graph) }
  if (profile !== undefined) return { ...known, profile: edge.permitted(profile) }
  try {
    await edge.start()
    return { ...known, profile: await edge.measure() }
  } finally {
    await edge.stop()
  }
}
