import { stat } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { activities, activityWindow, windowSamples } from '../../../lab/sensor/activities.ts'
import { AnswerReader } from '../../../src/answer/answer-reader.ts'
import { loadEngine } from '../../../src/executor/load-engine.ts'
import { checkWounds } from '../../../src/executor/parity.ts'
import { readInputs } from '../../../src/input/read-inputs.ts'
import { bindInputs } from '../../../src/model-graph/bind-inputs.ts'
import { wholeModel } from '../../../src/model-graph/cut.ts'
import { loadLabels, loadModel } from '../../../src/model-graph/load-model.ts'
import { singleWounds } from '../../../src/model-graph/single-wounds.ts'
import { repositoryRoot } from '../../paths.ts'

test('activityWindow is the same for the same seed and another for another', () => {
  for (const activity of activities) {
    const window = activityWindow(activity, 7)
    expect(window.length).toBe(windowSamples)
    expect(window.flat().every(Number.isFinite)).toBe(true)
    expect(activityWindow(activity, 7)).toEqual(window)
    expect(activityWindow(activity, 8)).not.toEqual(window)
  }
})

test('the bundled model names the activity of windows it was not trained on, whole and cut at every wound', async () => {
  const model = await loadModel('activity')
  const engine = await loadEngine('onnxruntime')
  const reader = new AnswerReader(model, await loadLabels('activity', model))
  const bindings = bindInputs(model.graph, model.manifest, 'activity').filter(({ kind }) => kind === 'values')
  const executable = await engine.compile(model, wholeModel(model.graph), { threads: 1 })
  const inputOf = (window: number[][]) =>
    readInputs({ payload: Buffer.from(JSON.stringify(window)) }, bindings as Parameters<typeof readInputs>[1])
  let right = 0
  for (let n = 0; n < 300; n++) {
    const activity = activities[n % activities.length]!
    const answer = reader.read(
      await executable.run(inputOf(activityWindow(activity, 5_000_000 + n))),
      undefined,
    )
    if ('top' in answer && answer.top[0]?.label === activity) right++
  }
  expect(right).toBeGreaterThanOrEqual(285)

  const inputs = inputOf(activityWindow('running', 1))
  const whole = await executable.run(inputs)
  await executable.release()
  const wounds = singleWounds(model.graph)
  const { checked, maxAbsDiff } = await checkWounds(model, wounds, inputs, whole, { engine, threads: 1 })
  expect(checked).toBeGreaterThan(5)
  expect(maxAbsDiff).toBeLessThan(1e-5)
})

test('the bundled model has 100 kB at most', async () => {
  const files = ['model.json', 'weights.bin', 'surgeon.json', 'labels.json']
  const folder = fileURLToPath(new URL('models/activity/', repositoryRoot))
  const sizes = await Promise.all(files.map(async (file) => (await stat(folder + file)).size))
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(100_000)
})
