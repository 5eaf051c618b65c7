import { modelCalibration } from '../../src/codec/model-codecs.ts'
import { stackValues } from '../../src/executor/batch.ts'
import { loadEngine } from '../../src/executor/load-engine.ts'
import { randomInputs } from '../../src/executor/random-inputs.ts'
import { segmentChain } from '../../src/executor/segment-chain.ts'
import { loadChosenModel, type ModelChoice } from '../../src/model-graph/model-choice.ts'
import { plannedWounds } from '../../src/scheduler/candidate-wounds.ts'
import type { TensorValue } from '../../src/tensor/tensor-value.ts'

/** Requests that reach one border of the chain, and the segment behind it. */
export interface WaveSegment {
  readonly wound: string
  /** Milliseconds of the segment for one request. */
  readonly aloneMs: number
  /** For one of as many together as is best. */
  readonly sharedMs: number
  readonly together: number
}

export interface WaveBound {
  readonly segments: readonly WaveSegment[]
  /** How many times as many requests a second as one by one any schedule of waves can finish. */
  readonly gain: number
}

const rounds = 30
const sizes = [1, 2, 4, 8, 16] as const

/**
 * What could be gained at most by waves: requests at a shallow wound are computed up to the border where deeper ones wait,
 * and go on together with these. However they are scheduled, with requests at each wound equally often, each segment
 * computes for one request of each wound before it; it is supposed here that it always does so in the best number, and
 * that nobody waits for that. Times are the least of several rounds, all sizes in turn.
 */
export async function waveBound(choice: ModelChoice, threads: number): Promise<WaveBound> {
  const model = await loadChosenModel(choice)
  const engine = await loadEngine('onnxruntime')
  const wounds = plannedWounds(model.graph, await modelCalibration(choice.model, model.hash))
  const { segments: links, wounds: borders } = segmentChain(model.graph, wounds)
  const executables = []
  for (const link of links) executables.push(await engine.compile(model, link, { threads }))
  const leastMs = links.map(() => sizes.map(() => Number.POSITIVE_INFINITY))
  for (let round = 0; round <= rounds; round++)
    for (const [s, size] of sizes.entries()) {
      const { inputs } = model.graph
      const members = Array.from({ length: size }, (_, i) => randomInputs(model, i + 1))
      const values = new Map<number, TensorValue>(stackValues(members).map((value, i) => [inputs[i]!, value]))
      for (const [l, link] of links.entries()) {
        const given = link.inputs.map((tensor) => values.get(tensor)!)
        const beginMs = performance.now()
        const outputs = await executables[l]!.run(given)
        // The first compiles.
        if (round > 0) leastMs[l]![s] = Math.min(leastMs[l]![s]!, performance.now() - beginMs)
        for (const [i, tensor] of link.outputs.entries()) values.set(tensor, outputs[i]!)
      }
    }
  for (const executable of executables) await executable.release()
  const segments = links.map((_, l): WaveSegment => {
    const each = sizes.map((size, s) => leastMs[l]![s]! / size)
    const sharedMs = Math.min(...each)
    const together = sizes[each.indexOf(sharedMs)]!
    return { wound: borders[l]!.id, aloneMs: leastMs[l]![0]!, sharedMs, together }
  })
  // Of segment l there are requests of l + 1 wounds.
  const sum = (of: (segment: WaveSegment) => number) =>
    segments.reduce((ms, segment, l) => ms + (l + 1) * of(segment), 0)
  return { segments, gain: sum(({ aloneMs }) => aloneMs) / sum(({ sharedMs }) => sharedMs) }
}
