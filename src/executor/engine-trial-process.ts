/**
 * Entry of a process that tries one engine with one model: an engine may take its process down (illegal instruction,
 * out of memory), and what it has allocated is given back for certain.
 */
import { median } from 'simple-statistics'
import { measured } from '../async/measured.ts'
import { cut, wholeModel } from '../model-graph/cut.ts'
import { loadModel } from '../model-graph/load-model.ts'
import { loadingOptions } from '../model-graph/model-choice.ts'
import { withPrecision } from './engine.ts'
import type { TrialReply, TrialSetup } from './engine-trial.ts'
import { loadEngine } from './load-engine.ts'
import { exampleInputs, largestDifference, runSegment } from './parity.ts'
import { trialWound } from './trial-wound.ts'

/** A large model on a small board takes ten seconds: two runs tell as much of it as nine do of a fast one. */
const runs = { warmUp: 2, measured: 7, enoughMs: 20_000 }

async function tryEngine(setup: TrialSetup): Promise<TrialReply> {
  const { engine: name, threads, precision = 'float32' } = setup
  const engine = withPrecision(await loadEngine(name), precision)
  const model = await loadModel(setup.model, loadingOptions(setup))
  const inputs = exampleInputs(model)
  const whole = await engine.compile(model, wholeModel(model.graph), { threads })
  const times = await measured(runs, async () => {
    const beginMs = performance.now()
    await whole.run(inputs)
    return performance.now() - beginMs
  })
  const outputs = await whole.run(inputs)
  await whole.release()
  const { head, tail } = cut(model.graph, trialWound(model.graph, precision))
  const crossing = await runSegment(engine, model, head, inputs, threads)
  const answer = await runSegment(engine, model, tail, crossing, threads)
  const woundDifference = Math.max(...answer.map((value, i) => largestDifference(value, outputs[i]!)))
  return { kind: 'ran', wholeMs: median(times), woundDifference, outputs }
}

process.once('message', (setup: TrialSetup) => {
  tryEngine(setup)
    .catch((error: Error): TrialReply => ({ kind: 'failed', reason: error.message }))
    .then((reply) => process.send!(reply, () => process.exit(0)))
    .catch(() => process.exit(1))
})
