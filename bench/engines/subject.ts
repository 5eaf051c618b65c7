import { graphFromKeras } from '../../src/model-graph/keras-topology.ts'
import { loadModel } from '../../src/model-graph/load-model.ts'
import type { Model } from '../../src/model-graph/model.ts'
import { inputPowerOf, seededWeights } from '../../src/model-graph/zoo/seeded-weights.ts'
import { zooModel, zooModels } from '../../src/model-graph/zoo/zoo.ts'

/** The bundled model has trained weights and the name of one of the zoo's. */
const bundled = 'mobilenetv2'

/** True for what `loadModel` takes. */
export function isLoadable(source: string): boolean {
  return source === bundled || !zooModels.some(({ name }) => name === source)
}

/**
 * A model to measure: a network of the zoo with seeded weights (every engine takes as long for them as for trained
 * ones), else whatever `loadModel` takes.
 */
export async function benchSubject(source: string): Promise<Model> {
  if (isLoadable(source)) return loadModel(source)
  const { build, manifest } = zooModel(source)
  const graph = graphFromKeras(build().topology)
  const weights = seededWeights(graph, { seed: 1, inputPower: inputPowerOf(manifest) })
  return { graph, weights, manifest, hash: '0'.repeat(32) }
}
