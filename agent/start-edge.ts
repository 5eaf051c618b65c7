import { modelCalibration } from '../src/codec/model-codecs.ts'
import { type EngineState, NoEngineError, startWithEngine } from '../src/executor/start-with-engine.ts'
import { machineName } from '../src/latency-model/measure-profile.ts'
import type { Profile } from '../src/latency-model/profile.ts'
import type { Model } from '../src/model-graph/model.ts'
import type { Log } from '../src/telemetry/log.ts'
import type { AgentConfig } from './config.ts'
import { EdgeRuntime } from './edge-runtime.ts'

export interface StartedEdge {
  readonly edge: EdgeRuntime
  readonly profile: Profile
  readonly engine: EngineState
}

/**
 * The edge with the engine that is configured or the next that can be used. Where none can, and the policy allows
 * sending, the edge computes nothing and every input goes to a worker.
 * @throws {NoEngineError} where no engine can be used and nothing may be sent.
 */
export async function startEdge(
  config: AgentConfig,
  model: Model,
  log: Log,
  signal?: AbortSignal,
): Promise<StartedEdge> {
  const calibration = await modelCalibration(config.model.model, model.hash, log)
  const options = {
    ...config.model,
    modelHash: model.hash,
    threads: config.threads,
    machine: machineName(),
    stateDirectory: config.stateDirectory,
    log,
    signal,
  }
  try {
    const { part, result, engine } = await startWithEngine(
      config.engine,
      options,
      (name) => new EdgeRuntime({ ...config, engine: name }, model, calibration, log),
    )
    return { edge: part, profile: result, engine }
  } catch (error) {
    const mayNotSend = config.policy === 'local' || config.limits.privacy !== 'none'
    if (!(error instanceof NoEngineError) || mayNotSend) throw error
    log('error', 'nothing is computed here, every input goes to a worker', { error })
    const inputCodecs = config.inputCodecs.length > 0 ? config.inputCodecs : ['received']
    const remote = { ...config, engine: 'wasm', wound: 'input', inputCodecs } as const
    const edge = new EdgeRuntime(remote, model, calibration, log)
    const engine: EngineState = { configured: config.engine, used: 'none', reason: error.message }
    return { edge, profile: await edge.start(), engine }
  }
}
