import { readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { graphFromKeras } from './keras-topology.ts'
import { knownManifest } from './known-manifests.ts'
import { loadManifest } from './load-manifest.ts'
import { type WeightChoice, withWeights } from './load-zoo-model.ts'
import { pictureOf } from './manifest.ts'
import type { Model } from './model.ts'
import { withManifest } from './model-manifest.ts'

/**
 * Loads a topology that Keras wrote (`model.to_json()`), with the chosen weights.
 * @throws {TypeError} for a file that is none, and for unknown or broken layers, naming layer, class and file.
 */
export async function loadKerasTopology(path: string, choice: WeightChoice = {}): Promise<Model> {
  let topology: unknown
  try {
    topology = JSON.parse(await readFile(path, 'utf8'))
  } catch (cause) {
    throw new TypeError(`Cannot load model: ${path} must be a readable JSON file`, { cause })
  }
  const given = await loadManifest(path)
  const inputSize = given && pictureOf(given)
  const options = inputSize === undefined ? {} : { inputSize }
  const graph = graphFromKeras(topology, { origin: path, ...options })
  const [height, width] = graph.tensors[graph.inputs[0]!]!.shape
  const size = { width: width ?? 0, height: height ?? 0 }
  const known = (name: string) => knownManifest(name, size) ?? knownManifest(basename(path, '.json'), size)
  const { manifest } = await withManifest({ graph }, path, given, known)
  return withWeights(graph, topology, manifest, choice)
}
