import type { ReleaseStack } from '../src/async/release-stack.ts'
import { ConfigError } from '../src/config/load-config.ts'
import { RunDispatcher } from '../src/executor/run-dispatcher.ts'
import { pictureOf } from '../src/model-graph/manifest.ts'
import type { Model } from '../src/model-graph/model.ts'
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

/** @throws {ConfigError} where a stream asks of its models what they cannot do */
function checkStream({ name, unchanged }: InputStream, own: LoadedModel, larger?: LoadedModel): void {
  const hasState = own.reader.state.length > 0
  if (hasState && unchanged !== undefined)
    throw new ConfigError(
      `Cannot serve stream ${name}: unchanged must be left out, as its model keeps state from one input to the next`,
    )
  if (larger === undefined) return
  const { manifest } = own.model
  if (!('topK' in manifest.output) && manifest.output.kind !== 'boxes')
    throw new ConfigError(
      `Cannot serve stream ${name}: cascade must be left out, as answers of kind ${manifest.output.kind} do not say how sure the model is`,
    )
  if (larger.reader.state.length > 0)
    throw new ConfigError(
      `Cannot serve stream ${name}: cascade.model must keep no state, as it sees only what is doubtful`,
    )
  const [ownKind, largerKind] = [own, larger].map(({ model }) => inputKind(model))
  if (ownKind !== largerKind)
    throw new ConfigError(
      `Cannot serve stream ${name}: cascade.model must take what ${manifest.name} takes, ${ownKind}, current value is one of ${largerKind}`,
    )
}

/** The model's own, with its hash where another has the same. */
function nameOf({ model }: LoadedModel, all: readonly LoadedModel[]): string {
  const { name } = model.manifest
  const isUnique = all.filter((other) => other.model.manifest.name === name).length === 1
  return isUnique ? name : `${name} ${model.hash.slice(0, 8)}`
}

function inputKind({ manifest }: Model): string {
  return pictureOf(manifest) === undefined ? 'numbers' : 'pictures'
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
  for (const [i, { model, larger }] of hashes.entries())
    checkStream(streams[i]!, byHash.get(model)!, byHash.get(larger ?? ''))
  const here = new Set(hashes.map(({ model }) => model))
  const dispatcher = new RunDispatcher(machineLimits, () => performance.now())
  const started = new Map<string, EdgeModel>()
  for (const [hash, each] of byHash) {
    const isRemote = !here.has(hash)
    const options = {
      name: nameOf(each, [...byHash.values()]),
      isRemote,
      isOneOfSeveral: byHash.size > 1,
      dispatcher,
      log,
      signal,
    }
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
