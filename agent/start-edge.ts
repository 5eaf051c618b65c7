import { modelCalibration } from '../src/codec/model-codecs.ts'
import type { RunDispatcher } from '../src/executor/run-dispatcher.ts'
import { type EngineState, NoEngineError, startWithEngine } from '../src/executor/start-with-engine.ts'
import { machineName } from '../src/latency-model/measure-profile.ts'
import type { Profile } from '../src/latency-model/profile.ts'
import type { Model } from '../src/model-graph/model.ts'
import { usablePrecisions } from '../src/scheduler/usable-precisions.ts'
import type { Log } from '../src/telemetry/log.ts'
import type { AgentConfig } from './config.ts'
import { EdgeRuntime, type EdgeSurroundings } from './edge-runtime.ts'

export interface StartedEdge {
  readonly edge: EdgeRuntime
  readonly profile: Profile
  readonly engine: EngineState
}

export interface StartEdgeOptions {
  readonly model: Model
  readonly dispatcher: RunDispatcher
  readonly log: Log
  readonly signal?: AbortSignal | undefined
}

/**
 * The edge with the engine that is configured or the next that can be used. Where none can, and the policy allows
 * sending, the edge computes nothing and every input goes to a worker.
 * @throws {NoEngineError} where no engine can be used and nothing may be sent.
 */
export async function startEdge(config: AgentConfig, options: StartEdgeOptions): Promise<StartedEdge> {
  const { model, log, signal } = options
  const calibration = await modelCalibration(config.model.model, model.hash, log)
  const around: EdgeSurroundings = { ...options, calibration }
  const engines = {
    ...config.model,
    modelHash: model.hash,
    threads: config.threads,
    precisions: usablePrecisions(calibration, {
      maxAccuracyLoss: config.maxAccuracyLoss,
      architecture: process.arch,
    }).usable,
    machine: machineName(),
    stateDirectory: config.stateDirectory,
    log,
    signal,
  }
  try {
    const { part, result, engine } = await startWithEngine(
      config.engine,
      engines,
      (name, threads) => new EdgeRuntime({ ...config, engine: name, threads }, model, around),
    )
    return { edge: part, profile: result, engine }
  } catch (error) {
    const mayNotSend = config.policy === 'local' || config.limits.privacy !== 'none'
    if (!(error instanceof NoEngineError) || mayNotSend) throw error
    log('error', 'nothing is computed here, every input goes to a worker', { error })
    return startRemote(config, model, around, error.message)
  }
}

/** Computes nothing here. @param reason why not, where something should be. */
export async function startRemote(
  config: AgentConfig,
  model: Model,
  around: EdgeSurroundings,
  reason?: string,
): Promise<StartedEdge> {
  const inputCodecs = config.inputCodecs.length > 0 ? config.inputCodecs : ['received']
  const nothing = { engine: 'wasm', threads: 1, wound: 'input', inputCodecs } as const
  const edge = new EdgeRuntime({ ...config, ...nothing }, model, around)
  const engine: EngineState = {
    configured: config.engine,
    used: 'none',
    ...(reason !== undefined && { reason }),
  }
  return { edge, profile: await edge.start(), engine }
}
