import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type ModelChoice, randomWeights } from '../../src/model-graph/model-choice.ts'

/** What crosses before its only layer. */
export const tinyShape = [1, 3, 4, 4] as const

/** Writes a model of one cheap layer, as Keras would: what a request costs besides computing. */
export async function writeTinyModel(folder: string): Promise<ModelChoice> {
  const [, channels, height, width] = tinyShape
  const pixels = { batch_input_shape: [null, height, width, channels] }
  const layers = [
    { name: 'x', class_name: 'InputLayer', config: pixels, inbound_nodes: [] },
    { name: 'y', class_name: 'GlobalAveragePooling2D', config: {}, inbound_nodes: [[['x', 0, 0, {}]]] },
  ]
  const config = { name: 'tiny', layers, input_layers: [['x', 0, 0]], output_layers: [['y', 0, 0]] }
  const input = { width, height, channels: 'rgb', mean: [0, 0, 0], scale: [1, 1, 1] }
  const model = join(folder, 'tiny.json')
  await writeFile(model, JSON.stringify({ class_name: 'Functional', config }))
  await writeFile(
    join(folder, 'tiny.surgeon.json'),
    JSON.stringify({ name: 'tiny', input, output: { kind: 'softmax' } }),
  )
  return { model, weights: randomWeights }
}
