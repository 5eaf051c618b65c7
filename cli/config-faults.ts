import type { AgentConfig } from '../agent/config.ts'
import type { WorkerConfig } from '../backend/config.ts'
import { findWound } from '../src/model-graph/find-wound.ts'
import { checkWeights, loadChosenModel, type ModelChoice } from '../src/model-graph/model-choice.ts'
import { endpointFaults } from '../src/transport/endpoint-config.ts'

/** What is wrong with the files that an agent's configuration names. */
export async function agentFaults({ mqtt, pool, model, wound }: AgentConfig): Promise<string[]> {
  return [
    ...endpointFaults('mqtt', mqtt),
    ...(pool === undefined ? [] : endpointFaults('pool', pool)),
    ...(await modelFaults('model', model, wound)),
  ]
}

/** What is wrong with the files that a worker's configuration names. */
export async function workerFaults({ mqtt, models }: WorkerConfig): Promise<string[]> {
  const faults = endpointFaults('mqtt', mqtt)
  for (const [i, model] of models.entries()) faults.push(...(await modelFaults(`models.${i}`, model)))
  return faults
}

/** The model itself is read only where a wound has to be looked for in it. */
async function modelFaults(field: string, choice: ModelChoice, wound?: string): Promise<string[]> {
  try {
    await checkWeights(choice)
    if (wound === undefined) return []
    const { graph } = await loadChosenModel(choice)
    try {
      findWound(graph, wound)
      return []
    } catch (error) {
      return [`wound: ${(error as Error).message}`]
    }
  } catch (error) {
    return [`${field}: ${(error as Error).message}`]
  }
}
