import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loadEngine } from '../../src/executor/load-engine.ts'
import { runSegment } from '../../src/executor/parity.ts'
import { cut, wholeModel } from '../../src/model-graph/cut.ts'
import { loadModel } from '../../src/model-graph/load-model.ts'
import { bestRingWounds } from '../../src/model-graph/ring-wounds.ts'
import { singleWounds } from '../../src/model-graph/single-wounds.ts'
import type { TensorValue } from '../../src/tensor/tensor-value.ts'
import { startBroker } from '../brokers/start-broker.ts'
import { smallModel, stateful } from '../model-graph/onnx/small-models.ts'
import { maxAbsDiff } from '../model-input.ts'
import { noSharedData, sharedData } from '../shared-data.ts'
import { askUntil, byWorker } from './ask-until.ts'
import { type EndToEnd, endToEnd, stateTopic } from './stage.ts'

const input = { kind: 'values', shape: [6] }
const answers = {
  values: { name: 'stateful', input, state: { h: 'hn' }, output: { kind: 'values' } },
  classes: { name: 'stateful', input, state: { h: 'hn' }, output: { kind: 'classes', topK: 4, tensor: 'y' } },
}

async function statefulModel(kind: keyof typeof answers): Promise<string> {
  const folder = await smallModel('stateful', stateful)
  await writeFile(join(folder, 'surgeon.json'), JSON.stringify(answers[kind]))
  return folder
}

const windows = Array.from({ length: 5 }, (_, n) => Array.from({ length: 6 }, (_, i) => Math.sin(3 * n + i)))
const message = (value: unknown) => new TextEncoder().encode(JSON.stringify(value))

describe('a model with state', () => {
  let running: EndToEnd
  const folders = {} as Record<keyof typeof answers, string>

  beforeAll(async () => {
    for (const kind of ['values', 'classes'] as const) folders[kind] = await statefulModel(kind)
    running = await endToEnd(startBroker)
    const worker = await running.start('worker', { worker: 'pool', models: [folders.values] })
    const state = running.message(stateTopic.worker('pool'), (text) => text !== '')
    await Promise.race([state, worker.ended])
  })
  afterAll(() => running.close())

  async function startAgent(device: string, config: object): Promise<void> {
    const agent = await running.start('agent', { device, dashboard: false, ...config })
    const online = running.message(stateTopic.agent(device), (text) => text.includes('online'))
    await Promise.race([online, agent.ended])
  }

  /** What each window is answered, each counted from a reset. */
  async function sequence(device: string): Promise<unknown[]> {
    const found: unknown[] = []
    for (const [n, window] of windows.entries()) {
      const result = await running.ask(device, message({ values: window, reset: n === 0 }))
      found.push(result.ok ? (result.outputs?.[0]?.values ?? result.top) : result.error)
    }
    return found
  }

  test.each(['values', 'classes'] as const)(
    'answered with %s: the same from edge and worker',
    async (kind) => {
      await startAgent(`near-${kind}`, { model: folders[kind], policy: 'local' })
      await startAgent(`far-${kind}`, { model: folders[kind], policy: 'input' })
      await startAgent(`cut-${kind}`, { model: folders[kind], wound: 'hn' })
      const near = await sequence(`near-${kind}`)
      const model = await loadModel(folders.values)
      const expected = await runSequence(model, 'local')
      for (const device of [`far-${kind}`, `cut-${kind}`]) {
        await askUntil(() => running.ask(device, message({ values: windows[0] })), byWorker)
        expect(await sequence(device)).toEqual(near)
      }
      const flat = near.map((each) =>
        (each as (number | { index: number; probability: number })[]).map((one) =>
          typeof one === 'number' ? one : one.index,
        ),
      )
      const reference = expected.map(([y]) => (kind === 'values' ? [...y!.data] : byScore(y!)))
      for (const [n, values] of flat.entries())
        for (const [i, value] of values.entries()) expect(value).toBeCloseTo(reference[n]![i]!, 4)
      // A window is not answered as it would be alone.
      expect(near[1]).not.toEqual(await alone(`near-${kind}`, windows[1]!))
    },
  )

  async function alone(device: string, window: number[]): Promise<unknown> {
    const result = await running.ask(device, message({ values: window, reset: true }))
    return result.ok ? (result.outputs?.[0]?.values ?? result.top) : result.error
  }
})

function byScore({ data }: TensorValue): number[] {
  return Array.from(data.keys()).toSorted((a, b) => data[b]! - data[a]!)
}

/** Outputs window after window, cut at a wound. */
async function runSequence(
  model: Awaited<ReturnType<typeof loadModel>>,
  woundId: string,
): Promise<TensorValue[][]> {
  const { graph } = model
  const engine = await loadEngine('onnxruntime')
  const singles = singleWounds(graph)
  const wound = [...singles, ...bestRingWounds(graph, singles)].find(({ id }) => id === woundId)!
  const { head, tail } = cut(graph, wound)
  const [sound, h] = graph.inputs.map((id) => graph.tensors[id]!)
  const size = sound!.shape.reduce((product, n) => product * n, 1)
  let state: TensorValue = {
    shape: [1, ...h!.shape],
    data: new Float32Array(h!.shape.reduce((a, b) => a * b, 1)),
  }
  const found: TensorValue[][] = []
  for (let n = 0; n < windows.length; n++) {
    const data = Float32Array.from({ length: size }, (_, i) => Math.sin(3 * n + i))
    const crossing = await runSegment(engine, model, head, [{ shape: [1, ...sound!.shape], data }, state])
    const outputs = tail.layers.length === 0 ? crossing : await runSegment(engine, model, tail, crossing)
    const place = graph.outputs.findIndex((id) => graph.tensors[id]!.name === 'hn')
    state = outputs[place]!
    found.push(outputs)
  }
  return found
}

test('state-in-out, of the cases: head and tail equal the whole over a sequence at every wound', async ({
  skip,
}) => {
  const path = sharedData('cases/models/state-in-out/state-in-out.onnx')
  skip(path === undefined, noSharedData)
  const model = await loadModel(path!)
  const { graph } = model
  const whole = await runSequence(model, 'local')
  expect(wholeModel(graph).outputs.length).toBe(2)
  const singles = singleWounds(graph)
  const wounds = [...singles, ...bestRingWounds(graph, singles)].map(({ id }) => id)
  expect(wounds.length).toBeGreaterThanOrEqual(3)
  for (const wound of wounds) {
    const outputs = await runSequence(model, wound)
    for (const [n, values] of outputs.entries())
      for (const [i, value] of values.entries())
        expect(maxAbsDiff(value.data, whole[n]![i]!.data)).toBeLessThan(1e-5)
  }
})
