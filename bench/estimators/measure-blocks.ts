import type { EngineName } from '../../src/executor/engine.ts'
import { InferenceHost } from '../../src/executor/inference-host.ts'
import { crossingExamples } from '../../src/executor/parity.ts'
import { segmentChain } from '../../src/executor/segment-chain.ts'
import { layerWorks } from '../../src/latency-model/layer-work.ts'
import { measureSegments } from '../../src/latency-model/measure-profile.ts'
import { loadModel } from '../../src/model-graph/load-model.ts'
import { singleWounds } from '../../src/model-graph/single-wounds.ts'
import { benchWounds } from '../engines/bench-wounds.ts'
import type { Block } from './leave-one-out.ts'

/** A model and what computes it. */
export interface MeasuredEngine {
  readonly model: string
  readonly engine: EngineName
  readonly threads: number
  /** Into how many parts it is cut at least, where it can be. */
  readonly parts: number
}

/** What the parts of a model take on this machine, each the median of a dozen warm runs. */
export async function measureBlocks({
  model: name,
  engine,
  threads,
  parts,
}: MeasuredEngine): Promise<Block[]> {
  const model = await loadModel(name)
  const { graph } = model
  const wounds = singleWounds(graph)
  const chain = segmentChain(graph, [wounds[0]!, ...benchWounds(graph, parts - 1), wounds.at(-1)!])
  const host = new InferenceHost({ model: name, engine, threads, slowdown: 1 })
  await host.start()
  try {
    for (const segment of chain.segments) await host.load(segment.key, segment)
    const timed = await measureSegments(chain, 'float32', crossingExamples(model), {
      run: (request) => host.run(request),
      drop: (request) => host.drop(request),
    })
    const works = layerWorks(graph)
    return chain.segments.map(({ layers, operations }, i) => ({
      model: name,
      works: layers.flatMap((layer) => works[layer]!),
      operations,
      ms: timed[i]!.medianMs,
    }))
  } finally {
    await host.stop()
  }
}
