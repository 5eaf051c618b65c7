import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, it } from 'vitest'
import { type Calibration, loadCalibration } from '../../src/codec/calibration-file.ts'
import { createCodecs } from '../../src/codec/create-codecs.ts'
import { findWound } from '../../src/model-graph/find-wound.ts'
import { borderShape } from '../../src/model-graph/layer-graph.ts'
import { loadModel } from '../../src/model-graph/load-model.ts'
import type { Model } from '../../src/model-graph/model.ts'
import { accuracyBudget } from '../../src/scheduler/accuracy-budget.ts'
import { elementCount } from '../../src/tensor/element-count.ts'
import { repositoryRoot } from '../paths.ts'

let model: Model
let calibration: Calibration

beforeAll(async () => {
  model = await loadModel('mobilenetv2')
  const path = join(fileURLToPath(repositoryRoot), 'models/mobilenetv2/calibration.json')
  calibration = (await loadCalibration(path, model.hash))!
})

describe('calibration of the bundled model', () => {
  it('fits the model, and its transforms code every tensor they are for', () => {
    const codecs = createCodecs(calibration)
    expect(calibration.transforms.length).toBeGreaterThan(1)
    for (const { wound, tensor } of calibration.transforms) {
      const [id] = findWound(model.graph, wound).tensors
      expect(model.graph.tensors[id!]!.name).toBe(tensor)
      const shape = [1, ...borderShape(model.graph.tensors[id!]!)]
      const data = Float32Array.from({ length: elementCount(shape) }, (_, i) => Math.sin(i / 7))
      const fine = codecs('klt:20', wound, tensor)
      const decoded = fine.decode(fine.encode({ shape, data }), shape).data
      expect(decoded.every(Number.isFinite)).toBe(true)
    }
  })

  it('has at most 300 kB', async () => {
    const { size } = await stat(join(fileURLToPath(repositoryRoot), 'models/mobilenetv2/calibration.json'))
    expect(size).toBeLessThanOrEqual(300_000)
  })

  it('leaves the planner something better than 8 bits within 1 %', () => {
    const { allowed } = accuracyBudget(calibration)
    const bytes = allowed.map(
      ({ wound, codec }) => calibration.rows.find((row) => row.wound === wound && row.codec === codec)!,
    )
    expect(Math.min(...bytes.map(({ bytesMean }) => bytesMean))).toBeLessThan(4000)
  })
})
