import { AnswerReader } from '../src/answer/answer-reader.ts'
import type { ModelCard } from '../src/codec/model-card.ts'
import type { RunDispatcher } from '../src/executor/run-dispatcher.ts'
import type { EngineState } from '../src/executor/start-with-engine.ts'
import type { Profile } from '../src/latency-model/profile.ts'
import { loadLabels } from '../src/model-graph/load-model.ts'
import type { Model } from '../src/model-graph/model.ts'
import { loadChosenModel, type ModelChoice, randomWeights } from '../src/model-graph/model-choice.ts'
import type { PlanSetup } from '../src/scheduler/planner.ts'
import type { Log } from '../src/telemetry/log.ts'
import type { AgentConfig } from './config.ts'
import type { EdgeRuntime } from './edge-runtime.ts'
import { startEdge, startRemote } from './start-edge.ts'

/** A model that the configuration names, read. */
export interface LoadedModel {
  readonly choice: ModelChoice
  readonly model: Model
  /** What its outputs mean. */
  readonly reader: AnswerReader
}

/** Reads models, each once however often it is named. */
export function modelLoader(): (choice: ModelChoice) => Promise<LoadedModel> {
  const loaded = new Map<string, Promise<LoadedModel>>()
  return (choice) => {
    const key = JSON.stringify(choice)
    const reading = loaded.get(key) ?? loadEdgeModel(choice)
    loaded.set(key, reading)
    return reading
  }
}

async function loadEdgeModel(choice: ModelChoice): Promise<LoadedModel> {
  const model = await loadChosenModel(choice)
  return { choice, model, reader: new AnswerReader(model, await loadLabels(choice.model, model)) }
}

export interface EdgeModelOptions extends LoadedModel {
  /** No other model of the agent has it. */
  readonly name: string
  readonly config: AgentConfig
  readonly edge: EdgeRuntime
  readonly profile: Profile
  readonly engine: EngineState
  /** Another model is served as well. */
  readonly isOneOfSeveral: boolean
}

/** One model as the agent serves it: what it is, and its half that is computed here. */
export class EdgeModel {
  /** As it is told everywhere. */
  readonly name: string
  readonly model: Model
  readonly reader: AnswerReader
  readonly edge: EdgeRuntime
  readonly engine: EngineState
  /** As it was at the start. */
  readonly setup: PlanSetup
  /** Its weights are made up: the classes mean nothing. */
  readonly hasRandomWeights: boolean
  private readonly options: EdgeModelOptions

  constructor(options: EdgeModelOptions) {
    const { name, model, reader, edge, engine, profile, choice } = options
    this.name = name
    this.options = options
    this.model = model
    this.reader = reader
    this.edge = edge
    this.engine = engine
    this.hasRandomWeights = choice.weights === randomWeights
    this.setup = this.setupWith(profile)
  }

  get hash(): string {
    return this.model.hash
  }

  /** The edge holds only what comes before the wound that is configured, if anything: it cannot finish by itself. */
  get holdsHeadAlone(): boolean {
    return this.edge.fixedWound !== undefined
  }

  /** Measures the profile anew. */
  async remeasured(): Promise<PlanSetup> {
    return this.setupWith(await this.edge.measure())
  }

  private setupWith(profile: Profile): PlanSetup {
    const { config, model, edge, reader, isOneOfSeveral } = this.options
    const { uplinkBytesPerDay, edgeShare, joulesPerDay, power } = config.limits
    return {
      graph: model.graph,
      workersOf: isOneOfSeveral ? model.hash : undefined,
      chain: edge.chain,
      profile,
      policy: config.policy,
      wound: edge.fixedWound,
      codecs: edge.codecs,
      resume: config.resume,
      budgets: { uplinkBytesPerDay, edgeShare, joulesPerDay, power },
      excluded: edge.excluded,
      answer: reader.spec,
    }
  }
}

export interface StartModelOptions {
  /** No other model of the agent has it. */
  readonly name: string
  readonly isOneOfSeveral: boolean
  readonly dispatcher: RunDispatcher
  readonly log: Log
  readonly signal?: AbortSignal | undefined
}

/** The half of a model that is here, started. @throws as {@link startEdge} does. */
export async function startEdgeModel(
  config: AgentConfig,
  loaded: LoadedModel,
  options: StartModelOptions,
): Promise<EdgeModel> {
  const own = { ...config, model: loaded.choice }
  const started = await startEdge(own, { ...options, model: loaded.model })
  return new EdgeModel({ ...loaded, ...started, ...options, config: own })
}

/**
 * A model of which only the card is here: others compute with it.
 * @throws {Error} where it cannot give a second opinion on what it is asked about now and then
 */
export async function remoteModel(config: AgentConfig, card: ModelCard, log: Log): Promise<EdgeModel> {
  const { model, labels, hasRandomWeights } = card
  const reader = new AnswerReader(model, labels)
  const { name } = model.manifest
  if (reader.state.length > 0) throw new Error(`Cannot ask model ${name} now and then: it keeps state`)
  if (reader.spec === undefined)
    throw new Error(`Cannot ask model ${name}: its answers must be classes, boxes or text`)
  const choice = { model: name, ...(hasRandomWeights && { weights: randomWeights }) }
  const own = { ...config, model: choice }
  const started = await startRemote(own, model, { calibration: card.calibration, log })
  return new EdgeModel({ choice, model, reader, name, ...started, config: own, isOneOfSeveral: true })
}
