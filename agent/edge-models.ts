import type { ReleaseStack } from '../src/async/release-stack.ts'
import { RunDispatcher } from '../src/executor/run-dispatcher.ts'
import type { ModelChoice } from '../src/model-graph/model-choice.ts'
import type { Log } from '../src/telemetry/log.ts'
import type { AgentConfig } from './config.ts'
import { type EdgeModel, type LoadedModel, loadEdgeModel, startEdgeModel } from './edge-model.ts'
import type { InputStream } from './input-streams.ts'

/** A stream and who answers it. */
export interface ServedStream extends Pick<InputStream, 'name' | 'unchanged'> {
  readonly model: EdgeModel
  /** Asked where the answer is less likely than `below`. */
  readonly larger?: { readonly model: EdgeModel; readonly below: number } | undefined
}

/** Each model once, first those that are asked first. */
export function modelsOf(streams: readonly ServedStream[]): EdgeModel[] {
  const larger = streams.flatMap((stream) => (stream.larger === undefined ? [] : [stream.larger.model]))
  return [...new Set([...streams.map(({ model }) => model), ...larger])]
}

/** One segment computes at a time; a stream may be two slow segments of a small machine ahead of another. */
const machineLimits = { maxRunning: 1, slackMs: 100 }

/**
 * The models of all streams, each once however many streams and names it has. Of a model that is only asked for what
 * others are in doubt about nothing is held here. What was started is stopped by `stops`.
 */
export async function startModels(
  config: AgentConfig,
  streams: readonly InputStream[],
  stops: ReleaseStack,
  log: Log,
  signal?: AbortSignal,
): Promise<ServedStream[]> {
  const loaded = new Map<string, LoadedModel>()
  const load = async (choice: ModelChoice): Promise<string> => {
    const key = JSON.stringify([choice.model, choice.weights])
    if (!loaded.has(key)) loaded.set(key, await loadEdgeModel(choice))
    signal?.throwIfAborted()
    return loaded.get(key)!.model.hash
  }
  const hashes: { model: string; larger: string | undefined }[] = []
  for (const { model, cascade } of streams)
    hashes.push({ model: await load(model), larger: cascade && (await load(cascade.model)) })
  const byHash = new Map([...loaded.values()].map((each) => [each.model.hash, each]))
  const here = new Set(hashes.map(({ model }) => model))
  const dispatcher = new RunDispatcher(machineLimits, () => performance.now())
  const started = new Map<string, EdgeModel>()
  for (const [hash, each] of byHash) {
    const isRemote = !here.has(hash)
    const options = { isRemote, isOneOfSeveral: byHash.size > 1, dispatcher, log, signal }
    const model = await startEdgeModel(config, each, options)
    stops.add(() => model.edge.stop())
    started.set(hash, model)
    signal?.throwIfAborted()
  }
  return streams.map(({ name, unchanged, cascade }, i): ServedStream => {
    const { model, larger } = hashes[i]!
    return {
      name,
      unchanged,
      model: started.get(model)!,
      larger: cascade && { model: started.get(larger!)!, below: cascade.below },
    }
  })
}
