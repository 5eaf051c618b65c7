import type { Engine, Executable } from '../../src/executor/engine.ts'
import { exampleInputs } from '../../src/executor/parity.ts'
import { machineName } from '../../src/latency-model/measure-profile.ts'
import { cut } from '../../src/model-graph/cut.ts'
import type { Model } from '../../src/model-graph/model.ts'
import { singleWounds } from '../../src/model-graph/single-wounds.ts'
import { woundFacts } from '../../src/model-graph/wound-facts.ts'
import type { TensorValue } from '../../src/tensor/tensor-value.ts'
import type { MeasuredRuns } from './measured-runs.ts'

export interface MeasureOptions {
  readonly threads: number
  /** Of the whole model; each side of each wound is run a fifth as often. */
  readonly runs: number
  /** No wounds. */
  readonly wholeOnly?: boolean
  readonly onProgress: (done: number, total: number, what: string) => void
}

const fewestRuns = 5

/** Times the whole model, and both sides of each wound of one tensor, each compiled as one as it would be served. */
export async function measureRuns(
  model: Model,
  engine: Engine,
  { threads, runs, onProgress, wholeOnly = false }: MeasureOptions,
): Promise<MeasuredRuns> {
  const { graph, manifest, hash } = model
  const [input, ...between] = singleWounds(graph)
  const inner = wholeOnly ? [] : between.slice(0, -1)
  const values = exampleInputs(model)
  const compile = (segment: ReturnType<typeof cut>['head']) => engine.compile(model, segment, { threads })
  onProgress(0, inner.length + 1, 'the whole model')
  const wholeMs = (await timed(await compile(cut(graph, input!).tail), values, runs)).ms
  const wounds: MeasuredRuns['wounds'] = []
  const sideRuns = Math.max(fewestRuns, Math.round(runs / 5))
  for (const [i, wound] of inner.entries()) {
    onProgress(i + 1, inner.length + 1, wound.id)
    const { head, tail } = cut(graph, wound)
    const before = await timed(await compile(head), values, sideRuns)
    const after = await timed(await compile(tail), before.outputs, sideRuns)
    const bytes = woundFacts(graph, wound).tensors.reduce((sum, tensor) => sum + tensor.bytes, 0)
    wounds.push({ id: wound.id, bytes, headMs: before.ms, tailMs: after.ms })
  }
  return {
    version: 1,
    model: manifest.name,
    modelHash: hash,
    machine: machineName(),
    engine: engine.name,
    threads,
    measuredAt: new Date().toISOString(),
    wholeMs,
    wounds,
  }
}

/** Every run is counted, the first one, too: that it is slower is one of the figures. */
async function timed(
  executable: Executable,
  inputs: readonly TensorValue[],
  runs: number,
): Promise<{ ms: number[]; outputs: TensorValue[] }> {
  const ms: number[] = []
  let outputs: TensorValue[] = []
  for (let run = 0; run < runs; run++) {
    const beginMs = performance.now()
    outputs = await executable.run(inputs)
    ms.push(performance.now() - beginMs)
  }
  await executable.release()
  return { ms, outputs }
}
