import { expect, test } from 'vitest'
import { type Startable, startOnProvider } from '../../backend/start-on-provider.ts'
import type { ExecutionProvider } from '../../src/executor/engine.ts'
import { segmentChain } from '../../src/executor/segment-chain.ts'
import { loadModel } from '../../src/model-graph/load-model.ts'
import { plannedWounds } from '../../src/scheduler/candidate-wounds.ts'
import { classifier, smallModel } from '../model-graph/onnx/small-models.ts'
import { serveModel } from './serve-model.ts'

const source = await smallModel('classifier', classifier)
const model = await loadModel(source)
const chain = segmentChain(model.graph, plannedWounds(model.graph))

/** A thread whose answers are these, or that does not start. */
class Thread implements Startable {
  readonly answer: number | Error
  state = 'new'

  constructor(answer: number | Error) {
    this.answer = answer
  }

  readonly inference = {
    run: () => {
      const values = [{ shape: [1, 2], data: Float32Array.of(1, Number(this.answer)) }]
      return Promise.resolve({ values, encoded: [], segmentMs: [], decodeMs: 0, encodeMs: 0 })
    },
  }

  async start(): Promise<void> {
    if (this.answer instanceof Error) throw this.answer
    this.state = 'started'
  }

  async stop(): Promise<void> {
    this.state = 'stopped'
  }
}

test('startOnProvider: the first that starts and gives the answers of the CPU is used, the others are stopped', async () => {
  const threads = new Map<ExecutionProvider | undefined, Thread>([
    ['cuda', new Thread(new Error('no such library'))],
    ['webgpu', new Thread(0.9)],
    ['tensorrt', new Thread(0.50001)],
    [undefined, new Thread(0.5)],
  ])
  const providers = ['cuda', 'webgpu', 'tensorrt', 'coreml'] as const
  const { found, faults } = await startOnProvider(providers, model, chain, (each) => threads.get(each)!)
  expect(found?.provider).toBe('tensorrt')
  expect(faults).toEqual([
    'cuda: no such library',
    "webgpu: its answers differ from the CPU's by 0.40 of the largest",
  ])
  expect([...threads.values()].map(({ state }) => state)).toEqual([
    'stopped',
    'stopped',
    'started',
    'stopped',
  ])
})

/** No package has both of Windows's and macOS's own. */
const absent = process.platform === 'win32' ? 'coreml' : 'dml'

test('ServedModel: where an execution provider is absent the CPU computes, and the reason is told', async ({
  skip,
}) => {
  skip(process.platform === 'win32', 'Windows has execution providers of its own')
  const served = await serveModel(source, { executionProviders: [absent] })
  expect(served.engine).toEqual({
    configured: 'onnxruntime',
    used: 'onnxruntime',
    reason: expect.stringMatching(new RegExp(`^${absent}: .*backend`)),
  })
  expect(served.tails.has('input')).toBe(true)
  await served.stop()
})
