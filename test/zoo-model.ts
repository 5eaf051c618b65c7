import { graphFromKeras } from '../src/model-graph/keras-topology.ts'
import type { Model } from '../src/model-graph/model.ts'
import { inputPowerOf, seededWeights } from '../src/model-graph/zoo/seeded-weights.ts'
import { zooModel } from '../src/model-graph/zoo/zoo.ts'

/** A network of the zoo with seeded weights. */
export function seededZooModel(name: string): Model {
  const { build, manifest } = zooModel(name)
  const graph = graphFromKeras(build().topology)
  const weights = seededWeights(graph, { seed: 1, inputPower: inputPowerOf(manifest) })
  return { graph, weights, manifest, hash: '0'.repeat(32) }
}
