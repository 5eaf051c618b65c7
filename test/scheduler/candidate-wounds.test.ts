import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { loadModel } from '../../src/model-graph/load-model.ts'
import { singleWounds } from '../../src/model-graph/single-wounds.ts'
import { candidateWounds, crossingShapes } from '../../src/scheduler/candidate-wounds.ts'
import { repositoryRoot } from '../paths.ts'

test('candidateWounds() of the demo model: bottlenecks behind their normalisation, input and local', async () => {
  const { graph } = await loadModel(fileURLToPath(new URL('models/mobilenetv2', repositoryRoot)))
  const wounds = candidateWounds(graph, singleWounds(graph))
  expect(wounds.map(({ id }) => id)).toEqual([
    'input',
    'block_6_project_BN',
    'block_13_project_BN',
    'global_average_pooling2d_1',
    'local',
  ])
  const values = wounds
    .slice(0, -1)
    .map((wound) => crossingShapes(graph, wound).reduce((sum, part) => sum + part.elements, 0))
  expect(values).toEqual(values.toSorted((a, b) => b - a))
})
