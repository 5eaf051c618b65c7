import type { EngineName } from '../../src/executor/engine.ts'
import { InferenceHost } from '../../src/executor/inference-host.ts'
import type { RunRequest } from '../../src/executor/inference-protocol.ts'
import { exampleInputs } from '../../src/executor/parity.ts'
import { segmentChain } from '../../src/executor/segment-chain.ts'
import { loadModel } from '../../src/model-graph/load-model.ts'
import { plannedWounds } from '../../src/scheduler/candidate-wounds.ts'
import { EventLoopDelay } from '../../src/telemetry/event-loop-delay.ts'

export interface DaemonTimes {
  /** From nothing loaded to the first answer: model, inference thread, engine, every segment, one run. */
  readonly firstAnswerMs: number
  /** Of the thread that asks, while the inference thread computes without a pause. */
  readonly eventLoopP99Ms: number
}

const observedMs = 2000

/** What a daemon sees of the engine: it asks the inference thread, as the agent does. */
export async function measureDaemon(
  source: string,
  engine: EngineName,
  threads: number,
  now: () => number,
): Promise<DaemonTimes> {
  const beginMs = now()
  const model = await loadModel(source)
  const { graph } = model
  const chain = segmentChain(graph, plannedWounds(graph))
  const inference = new InferenceHost({ model: source, engine, threads, slowdown: 1 })
  const run: RunRequest = {
    request: 'bench',
    segments: chain.segments.map(({ key }) => key),
    input: { kind: 'values', tensors: graph.inputs, values: exampleInputs(model) },
    output: graph.outputs,
    keep: false,
    values: true,
  }
  const loop = new EventLoopDelay()
  try {
    await inference.start()
    for (const segment of chain.segments) await inference.load(segment.key, segment)
    await inference.run(run)
    const firstAnswerMs = now() - beginMs
    loop.start()
    for (const startMs = now(); now() - startMs < observedMs; ) await inference.run(run)
    return { firstAnswerMs, eventLoopP99Ms: loop.p99Ms }
  } finally {
    loop.stop()
    await inference.stop()
  }
}
