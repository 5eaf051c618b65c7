import { setTimeout as delay } from 'node:timers/promises'
import { median } from 'simple-statistics'
import { measured } from '../../src/async/measured.ts'
import { modelCalibration } from '../../src/codec/model-codecs.ts'
import { InferenceHost } from '../../src/executor/inference-host.ts'
import { exampleInputs } from '../../src/executor/parity.ts'
import { segmentChain } from '../../src/executor/segment-chain.ts'
import { loadModel } from '../../src/model-graph/load-model.ts'
import { plannedWounds } from '../../src/scheduler/candidate-wounds.ts'

const runs = { warmUp: 5, measured: 15 }
const trialPauseMs = 100

/**
 * Milliseconds the whole model takes in the agent's segments, with one thread: the median of 15 runs.
 * @param pauseMs between runs, as a camera leaves.
 */
async function wholeModelMs(source: string, slowdown: number, pauseMs: number): Promise<number> {
  const model = await loadModel(source)
  const { graph } = model
  const calibration = await modelCalibration(source, model.hash)
  const chain = segmentChain(graph, plannedWounds(graph, calibration))
  const values = exampleInputs(model)
  const inference = new InferenceHost({ model: source, engine: 'onnxruntime', threads: 1, slowdown })
  await inference.start()
  try {
    for (const segment of chain.segments) await inference.load(segment.key, segment)
    const times = await measured(runs, async () => {
      await delay(pauseMs)
      const reply = await inference.run({
        request: 'edge-speed',
        segments: chain.segments.map(({ key }) => key),
        input: { kind: 'values', tensors: chain.crossing(0), values },
        output: graph.outputs,
        keep: false,
        values: false,
      })
      return reply.segmentMs.reduce((sum, ms) => sum + ms, 0)
    })
    return median(times)
  } finally {
    await inference.stop()
  }
}

/**
 * The slowdown under which the whole model takes `targetMs` on this machine, 1 where it takes that long anyway. Set
 * right once after a trial: a processor that waits between segments and frames is not as fast as one that never rests.
 */
export async function slowdownFor(
  source: string,
  targetMs: number,
): Promise<{ nativeMs: number; slowdown: number }> {
  const nativeMs = await wholeModelMs(source, 1, 0)
  const first = Math.max(1, targetMs / nativeMs)
  if (first === 1) return { nativeMs, slowdown: 1 }
  const trialMs = await wholeModelMs(source, first, trialPauseMs)
  return { nativeMs, slowdown: Math.max(1, (first * targetMs) / trialMs) }
}
