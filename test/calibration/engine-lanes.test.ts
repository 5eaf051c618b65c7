import { afterAll, beforeAll, expect, test } from 'vitest'
import { EngineLanes } from '../../src/calibration/engine-lanes.ts'
import { loadEngine } from '../../src/executor/load-engine.ts'
import { randomInputs } from '../../src/executor/random-inputs.ts'
import { wholeModel } from '../../src/model-graph/cut.ts'
import { loadModel } from '../../src/model-graph/load-model.ts'

const lanes = new EngineLanes({ model: 'mobilenetv2', engine: 'onnxruntime', lanes: 2, threads: 1 })
beforeAll(() => lanes.start())
afterAll(() => lanes.stop())

test('EngineLanes gives each of several requests at once what the engine gives it', async () => {
  const model = await loadModel('mobilenetv2')
  const segment = wholeModel(model.graph)
  const engine = await loadEngine('onnxruntime')
  const alone = await engine.compile(model, segment, { threads: 1 })
  const threaded = await lanes.compile(model, segment)
  const requests = [1, 2, 3, 4, 5].map((seed) => randomInputs(model, seed))
  const outputs = await Promise.all(requests.map((inputs) => threaded.run(inputs)))
  for (const [i, inputs] of requests.entries()) expect(outputs[i]).toEqual(await alone.run(inputs))
  await alone.release()
  await threaded.release()
  await expect(threaded.run(requests[0]!)).rejects.toThrow(/not loaded/)
})
