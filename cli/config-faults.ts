import type { AgentConfig } from '../agent/config.ts'
import type { WorkerConfig } from '../backend/config.ts'
import { findWound } from '../src/model-graph/find-wound.ts'
import { checkWeights, loadChosenModel, type ModelChoice } from '../src/model-graph/model-choice.ts'
import { endpointFaults } from '../src/transport/endpoint-config.ts'
import { matchesFilter } from '../src/transport/topic-filter.ts'
import { deviceTopic } from '../src/transport/topics.ts'

/** What is wrong with an agent's configuration beside its form: with the files that it names, between its streams. */
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
    ...inputFaults(config),
    ...cascadeFaults(config),
  ]
}

/** What is wrong with the files that a worker's configuration names. */
export async function workerFaults({ mqtt, models }: WorkerConfig): Promise<string[]> {
  const faults = endpointFaults('mqtt', mqtt)
  const known = models.map((model) => JSON.stringify(model))
  for (const [i, model] of models.entries()) {
    faults.push(...(await modelFaults(`models.${i}`, model)))
    const first = known.indexOf(known[i]!)
    if (first < i) faults.push(`models.${i}: must be another than models.${first}`)
  }
  return faults
}

/** An agent that read what it writes would answer itself without end. */
function inputFaults({ device, topicPrefix, streams = [] }: AgentConfig): string[] {
  const [result, ...others] = (['result', 'state', 'metrics', 'plan'] as const).map((leaf) =>
    deviceTopic(device, leaf, topicPrefix),
  )
  const written = [result!, ...streams.map(({ name }) => `${result}/${name}`), ...others]
  return streams.flatMap(({ input }, i) => {
    const topic = input && written.find((each) => matchesFilter(input, each))
    return topic ? [`streams.${i}.input: must not match ${topic}, which the agent writes itself`] : []
  })
}

function cascadeFaults({ model, streams = [] }: AgentConfig): string[] {
  return streams.flatMap(({ cascade, model: own = model }, i) =>
    cascade?.model === own.model
      ? [`streams.${i}.cascade.model: must be another model than the stream's own, ${own.model}`]
      : [],
  )
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
