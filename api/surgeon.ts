/**
 * What the package offers to programs: the two daemons as objects, and the models. `surgeon` itself is the same on a
 * command line. Whatever is not exported here is no promise.
 */
export { ConfigError } from '../src/config/load-config.ts'
export type { LayerGraph } from '../src/model-graph/layer-graph.ts'
export { type LoadModelOptions, loadModel } from '../src/model-graph/load-model.ts'
export type { Model } from '../src/model-graph/model.ts'
export type { Log, LogLevel } from '../src/telemetry/log.ts'
export { type AgentSettings, createAgent } from './create-agent.ts'
export { createWorker, type WorkerSettings } from './create-worker.ts'
export type { Daemon, DaemonOptions } from './daemon.ts'
export { type Plan, type PlannedSurgery, type PlanOptions, plan } from './plan.ts'
