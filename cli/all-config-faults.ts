import { stat } from 'node:fs/promises'
import type { AgentConfig } from '../agent/config.ts'
import { modelLoader } from '../agent/edge-model.ts'
import { checkStream } from '../agent/edge-models.ts'
import { inputStreams } from '../agent/input-streams.ts'
import type { WorkerConfig } from '../backend/config.ts'
import { loadChosenModel } from '../src/model-graph/model-choice.ts'
import { agentFaults, workerFaults } from './config-faults.ts'

/** What a daemon would find out later, or do without, as well: for who asks only whether the file is right. */
export async function allAgentFaults(config: AgentConfig): Promise<string[]> {
  const faults = await agentFaults(config)
  if (faults.length > 0) return faults
  return [...(await streamFaults(config)), ...(await placeFaults(config))]
}

export async function allWorkerFaults(config: WorkerConfig): Promise<string[]> {
  const faults = await workerFaults(config)
  if (faults.length > 0) return faults
  for (const [i, model] of config.models.entries())
    await loadChosenModel(model).catch((error: Error) => faults.push(`models.${i}: ${error.message}`))
  return [...faults, ...(await placeFaults(config))]
}

/** Of models that cannot be read, or cannot do what their streams ask for. */
async function streamFaults(config: AgentConfig): Promise<string[]> {
  const load = modelLoader()
  const faults = new Set<string>()
  for (const [i, stream] of inputStreams(config).entries()) {
    const field = config.streams?.[i]?.model === undefined ? 'model' : `streams.${i}.model`
    try {
      checkStream(stream, await load(stream.model))
    } catch (error) {
      faults.add(`${field}: ${(error as Error).message}`)
    }
  }
  return [...faults]
}

type Places = Pick<AgentConfig, 'stateDirectory' | 'compiledCache'> & Partial<Pick<AgentConfig, 'records'>>

/** Of what is there already and is something else; what is not there is made. */
async function placeFaults({ stateDirectory, compiledCache, records }: Places): Promise<string[]> {
  const places = [
    ['stateDirectory', stateDirectory, true],
    ['compiledCache.directory', compiledCache.directory, true],
    ['records.path', records?.path, false],
  ] as const
  const faults = places.map(async ([field, path, isDirectory]) => {
    const found = path === undefined ? undefined : await stat(path).catch(() => undefined)
    if (found === undefined || found.isDirectory() === isDirectory) return []
    return [`${field}: must be a ${isDirectory ? 'directory' : 'file'}, current value is ${path}`]
  })
  return (await Promise.all(faults)).flat()
}
