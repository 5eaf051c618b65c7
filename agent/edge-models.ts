import type { ReleaseStack } from '../src/async/release-stack.ts'
import { ConfigError } from '../src/config/load-config.ts'
import { RunDispatcher } from '../src/executor/run-dispatcher.ts'
import type { Log } from '../src/telemetry/log.ts'
import type { AgentConfig } from './config.ts'
import { type EdgeModel, type LoadedModel, modelLoader, startEdgeModel } from './edge-model.ts'
import type { InputStream } from './input-streams.ts'

/** A stream and who answers it. */
export interface ServedStream extends Pick<InputStream, 'name' | 'unchanged' | 'cascade'> {
  readonly model: EdgeModel
}

/** Each model once. */
export function modelsOf(streams: readonly ServedStream[]): EdgeModel[] {
  return [...new Set(streams.map(({ model }) => model))]
}

/** @throws {ConfigError} where a stream asks of its model what it cannot do */
export function checkStream(
  { name, unchanged, cascade }: InputStream,
  own: Pick<LoadedModel, 'model' | 'reader'>,
): void {
  const hasState = own.reader.state.length > 0
  if (hasState && unchanged !== undefined)
    throw new ConfigError(
      `Cannot serve stream ${name}: unchanged must be left out, as its model keeps state from one input to the next`,
    )
  const { manifest } = own.model
  if (cascade !== undefined && !('topK' in manifest.output) && manifest.output.kind !== 'boxes')
    throw new ConfigError(
      `Cannot serve stream ${name}: cascade must be left out, as answers of kind ${manifest.output.kind} do not say how sure the model is`,
    )
}

/** The model's own, with its hash where another has the same. */
function nameOf({ model }: LoadedModel, all: readonly LoadedModel[]): string {
  const { name } = model.manifest
  const isUnique = all.filter((other) => other.model.manifest.name === name).length === 1
  return isUnique ? name : `${name} ${model.hash.slice(0, 8)}`
}

/** One segment computes at a time; a stream may be two slow segments of a small machine ahead of another. */
const machineLimits = { maxRunning: 1, slackMs: 100 }

/** The models of all streams, each once however many streams and names it has. What was started is stopped by `stops`. */
export async function startModels(
  config: AgentConfig,
  streams: readonly InputStream[],
  stops: ReleaseStack,
  log: Log,
  signal?: AbortSignal,
): Promise<ServedStream[]> {
  const load = modelLoader()
  const loaded: LoadedModel[] = []
  for (const { model } of streams) {
    loaded.push(await load(model))
    signal?.throwIfAborted()
  }
  const hashes = loaded.map(({ model }) => model.hash)
  const byHash = new Map([...new Set(loaded)].map((each) => [each.model.hash, each]))
  for (const [i, hash] of hashes.entries()) checkStream(streams[i]!, byHash.get(hash)!)
  const isOneOfSeveral = byHash.size > 1 || streams.some(({ cascade }) => cascade !== undefined)
  const dispatcher = new RunDispatcher(machineLimits, () => performance.now())
  const started = new Map<string, EdgeModel>()
  for (const [hash, each] of byHash) {
    const name = nameOf(each, [...byHash.values()])
    const model = await startEdgeModel(config, each, { name, isOneOfSeveral, dispatcher, log, signal })
    stops.add(() => model.edge.stop())
    started.set(hash, model)
    signal?.throwIfAborted()
  }
  return streams.map(({ name, unchanged, cascade }, i): ServedStream => {
    return { name, unchanged, cascade, model: started.get(hashes[i]!)! }
  })
}
