import type { AgentConfig } from '../agent/config.ts'
import type { WorkerConfig } from '../backend/config.ts'
import { findWound } from '../src/model-graph/find-wound.ts'
import { checkWeights, loadChosenModel, type ModelChoice } from '../src/model-graph/model-choice.ts'
import { endpointFaults } from '../src/transport/endpoint-config.ts'

/** What is wrong with the files that an agent's configuration names. */
export async function agentFaults(config: AgentConfig): Promise<string[]> {
  const { mqtt, pool, model, wound, limits, streams = [] } = config
  const ofStreams = streams.flatMap(({ model: own }, i) =>
    own === undefined ? [] : [modelFaults(`streams.${i}.model`, own)],
  )
  return [
    ...endpointFaults('mqtt', mqtt),
    ...(pool === undefined ? [] : endpointFaults('pool', pool)),
    ...(await modelFaults('model', model, { wound, 'limits.privacy': privacyWound(limits.privacy) })),
    ...(await Promise.all(ofStreams)).flat(),
  ]
}

/** What is wrong with the files that a worker's configuration names. */
export async function workerFaults({ mqtt, models }: WorkerConfig): Promise<string[]> {
  const faults = endpointFaults('mqtt', mqtt)
  for (const [i, model] of models.entries()) faults.push(...(await modelFaults(`models.${i}`, model)))
  return faults
}

function privacyWound(privacy: string): string | undefined {
  return privacy === 'none' || privacy === 'noInput' ? undefined : privacy
}

/** @param wounds By field; the model itself is read only where one, or an input, has to be looked for in it. */
async function modelFaults(
  field: string,
  choice: ModelChoice,
  wounds: Readonly<Record<string, string | undefined>> = {},
): Promise<string[]> {
  const named = Object.entries(wounds).filter((entry): entry is [string, string] => entry[1] !== undefined)
  try {
    await checkWeights(choice)
    const isAsWritten = choice.inputShapes === undefined && choice.inputValues === undefined
    if (named.length === 0 && isAsWritten) return []
    const { graph } = await loadChosenModel(choice)
    return named.flatMap(([at, wound]) => {
      try {
        findWound(graph, wound)
        return []
      } catch (error) {
        return [`${at}: ${(error as Error).message}`]
      }
    })
  } catch (error) {
    return [`${field}: ${(error as Error).message}`]
  }
}
