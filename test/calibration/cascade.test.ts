import { expect, test } from 'vitest'
import type { AnswerBody } from '../../src/answer/answer-reader.ts'
import { bestCascade, type CascadeCase, cascadeRows, measureCascade } from '../../src/calibration/cascade.ts'
import { cascadeChart } from '../../src/calibration/cascade-chart.ts'
import { loadEngine } from '../../src/executor/load-engine.ts'
import { loadModel } from '../../src/model-graph/load-model.ts'
import { crops } from '../crops.ts'
import { classifier, sensor, smallModel } from '../model-graph/onnx/small-models.ts'

const classes = (index: number, probability: number): AnswerBody => ({
  top: [{ label: `${index}`, index, probability }],
})

/** The small model is wrong where it is unsure, but for one that it is sure of; the large one is wrong once. */
const cases: CascadeCase[] = [
  { small: classes(1, 0.95), large: classes(1, 0.9), label: 1 },
  { small: classes(2, 0.9), large: classes(2, 0.9), label: 2 },
  { small: classes(3, 0.85), large: classes(7, 0.5), label: 3 },
  { small: classes(4, 0.3), large: classes(5, 0.9), label: 5 },
  { small: classes(4, 0.4), large: classes(6, 0.9), label: 6 },
]

test('cascadeRows() goes from the small model alone to the large one alone, and is best between', () => {
  const rows = cascadeRows(cases)
  expect(rows[0]).toEqual({ below: 0, sent: 0, agreement: 0.4, accuracy: 0.6 })
  expect(rows.at(-1)).toEqual({ below: Infinity, sent: 1, agreement: 1, accuracy: 0.8 })
  expect(rows.find(({ below }) => below === 0.6)).toEqual({
    below: 0.6,
    sent: 0.4,
    agreement: 0.8,
    accuracy: 1,
  })
  for (const [i, { sent }] of rows.slice(1).entries()) expect(sent).toBeGreaterThanOrEqual(rows[i]!.sent)
})

test('bestCascade() sends no more than is needed to be as good as the large model', () => {
  expect(bestCascade(cascadeRows(cases))).toMatchObject({ below: 0.32, sent: 0.2, accuracy: 0.8 })
  const unlabelled = cases.map(({ small, large }) => ({ small, large }))
  expect(bestCascade(cascadeRows(unlabelled))).toMatchObject({ below: 0.86, sent: 0.6, accuracy: undefined })
})

test('cascadeChart() is a picture with a point for each threshold and the chosen one named', () => {
  const rows = cascadeRows(cases)
  const svg = cascadeChart('a < b', rows, bestCascade(rows))
  expect(svg).toMatch(/^<svg .*a &lt; b/)
  expect(svg.match(/<circle/g)).toHaveLength(rows.length)
  expect(svg).toContain('below 0.32')
})

test('measureCascade() asks both models for every picture, and refuses one that does not say how sure it is', async () => {
  const engine = await loadEngine('onnxruntime')
  const images = (await crops()).slice(0, 3)
  const small = await loadModel(await smallModel('small', classifier))
  const large = await loadModel('mobilenetv2')
  const measured = await measureCascade({ small, large }, engine, images, () => undefined)
  expect(measured.map(({ label }) => label)).toEqual([0, 1, 2])
  expect(measured[0]).toMatchObject({ small: { top: [{}, {}, {}] }, large: { top: [{}, {}, {}, {}, {}] } })
  const numbers = await loadModel(await smallModel('sensor', sensor))
  await expect(measureCascade({ small: numbers, large }, engine, images, () => undefined)).rejects.toThrow(
    /Cannot/,
  )
})
