import { engineNames } from '../../src/executor/engine.ts'
import { runTrial } from '../../src/executor/engine-trial.ts'
import { zooModels } from '../../src/model-graph/zoo/zoo.ts'
import { elementCount } from '../../src/tensor/element-count.ts'

export interface ModelPoint {
  readonly title: string
  readonly parameters: number
  /** Per cent, published. */
  readonly top1: number
}

/** The zoo by size and published accuracy; nothing is loaded. */
export function zooPoints(): ModelPoint[] {
  return zooModels
    .filter(({ name }) => !name.endsWith('-keras22'))
    .map(({ title, top1, build }) => ({
      title,
      top1,
      parameters: build()
        .layers.flatMap(({ weights }) => weights)
        .reduce((sum, { shape }) => sum + elementCount(shape), 0),
    }))
}

export interface EngineTimes {
  readonly engine: string
  readonly times: readonly { readonly model: string; readonly wholeMs: number }[]
}

/** Every engine that runs here on every model, one after the other. */
export async function engineTimes(
  models: readonly string[],
  onProgress: (what: string) => void,
): Promise<EngineTimes[]> {
  const rows: EngineTimes[] = []
  for (const engine of engineNames) {
    const times: { model: string; wholeMs: number }[] = []
    for (const model of models) {
      onProgress(`${model} on ${engine}`)
      const reply = await runTrial({ model, engine, threads: 1 })
      if (reply.kind === 'ran') times.push({ model, wholeMs: reply.wholeMs })
    }
    if (times.length > 0) rows.push({ engine, times })
  }
  return rows
}
