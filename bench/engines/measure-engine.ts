import { mean } from 'simple-statistics'
import { type EngineName, type Executable, runLink } from '../../src/executor/engine.ts'
import { loadEngine } from '../../src/executor/load-engine.ts'
import { exampleInputs } from '../../src/executor/parity.ts'
import { segmentChain } from '../../src/executor/segment-chain.ts'
import { cut, wholeModel } from '../../src/model-graph/cut.ts'
import { loadModel } from '../../src/model-graph/load-model.ts'
import type { Segment } from '../../src/model-graph/segment.ts'
import { plannedWounds } from '../../src/scheduler/candidate-wounds.ts'
import type { TensorValue } from '../../src/tensor/tensor-value.ts'
import { benchWounds } from './bench-wounds.ts'
import { type DaemonTimes, measureDaemon } from './measure-daemon.ts'
import { type PairedOptions, pairedTimes, type Work } from './paired-times.ts'
import { referenceRun } from './reference.ts'

export interface EngineRow {
  readonly model: string
  readonly engine: EngineName
  readonly threads: number
  readonly compileMs: number
  /** The first run, and the mean of the 2nd to the 100th: what the talk shows. */
  readonly firstRunMs: number
  readonly laterRunsMs: number
  /** The model in one piece, median. */
  readonly wholeMs: number
  /** The same run straight by the runtime, and whole / reference; null where the engine has none. */
  readonly referenceMs: number | null
  readonly referenceRatio: number | null
  /** All segments one after the other / whole. */
  readonly chainRatio: number
  readonly segments: number
  readonly wounds: readonly { wound: string; headMs: number; tailMs: number; ratio: number }[]
  /** Absent where the inference thread cannot load the model by its name. */
  readonly daemon: DaemonTimes
}

const woundCount = 5
const laterRuns = 99
/** A slow model need not be run a hundred times. */
const laterRunsLimitMs = 30_000

export async function measureEngine(
  source: string,
  name: EngineName,
  threads: number,
  options: PairedOptions,
): Promise<EngineRow> {
  const { now } = options
  const model = await loadModel(source)
  const { graph } = model
  const engine = await loadEngine(name)
  const compiled: Executable[] = []
  const compile = async (segment: Segment): Promise<Executable> => {
    const executable = await engine.compile(model, segment, { threads })
    compiled.push(executable)
    return executable
  }
  const inputs = exampleInputs(model)
  const beginMs = now()
  const whole = await compile(wholeModel(graph))
  const compileMs = now() - beginMs
  const { firstRunMs, laterRunsMs } = await firstAndLater(() => whole.run(inputs), now)

  const wounds = plannedWounds(graph)
  const chain = segmentChain(graph, wounds)
  const pieces: { inputs: readonly number[]; outputs: readonly number[]; run: Executable }[] = []
  for (const segment of chain.segments) pieces.push({ ...segment, run: await compile(segment) })
  const others: Record<string, Work> = {
    chain: async () => {
      const values = new Map(graph.inputs.map((id, i) => [id, inputs[i]!]))
      for (const piece of pieces) {
        const given = piece.inputs.map((id) => values.get(id)!)
        const outputs = await runLink(piece.run, given)
        for (const [i, id] of piece.outputs.entries()) values.set(id, outputs[i]!)
      }
      return graph.outputs.map((id) => values.get(id)!.data)
    },
  }
  const parts = new Map<string, { headMs: number[]; tailMs: number[] }>()
  for (const wound of benchWounds(graph, woundCount)) {
    const { head, tail } = cut(graph, wound)
    const [first, second] = [await compile(head), await compile(tail)]
    const times = { headMs: [] as number[], tailMs: [] as number[] }
    parts.set(wound.id, times)
    others[`cut ${wound.id}`] = () => headThenTail(first, second, inputs, times, now)
  }
  const reference = await referenceRun(source, model, name, inputs, { threads })
  if (reference !== undefined) others['reference'] = reference

  const times = await pairedTimes(() => whole.run(inputs), others, options)
  for (const executable of compiled) await executable.release()
  const against = reference === undefined ? undefined : times['reference']
  return {
    model: source,
    engine: name,
    threads,
    compileMs,
    firstRunMs,
    laterRunsMs,
    wholeMs: times['chain']!.baseMs,
    referenceMs: against?.otherMs ?? null,
    referenceRatio: against === undefined ? null : 1 / against.ratio,
    chainRatio: times['chain']!.ratio,
    segments: pieces.length,
    wounds: [...parts].map(([wound, { headMs, tailMs }]) => ({
      wound,
      headMs: middle(headMs),
      tailMs: middle(tailMs),
      ratio: times[`cut ${wound}`]!.ratio,
    })),
    daemon: await measureDaemon(source, name, threads, now),
  }
}

async function headThenTail(
  head: Executable,
  tail: Executable,
  inputs: readonly TensorValue[],
  times: { headMs: number[]; tailMs: number[] },
  now: () => number,
): Promise<void> {
  const beginMs = now()
  const crossing = await head.run(inputs)
  const crossedMs = now()
  await tail.run(crossing)
  times.headMs.push(crossedMs - beginMs)
  times.tailMs.push(now() - crossedMs)
}

async function firstAndLater(
  run: Work,
  now: () => number,
): Promise<{ firstRunMs: number; laterRunsMs: number }> {
  const times: number[] = []
  const beginMs = now()
  for (let n = 0; n <= laterRuns && (n < 3 || now() - beginMs < laterRunsLimitMs); n++) {
    const runMs = now()
    await run()
    times.push(now() - runMs)
  }
  return { firstRunMs: times[0]!, laterRunsMs: mean(times.slice(1)) }
}

function middle(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!
}
