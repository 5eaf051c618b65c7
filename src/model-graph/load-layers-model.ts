import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { graphFromKeras } from './keras-topology.ts'
import { knownManifest } from './known-manifests.ts'
import { borderShape, type LayerGraph } from './layer-graph.ts'
import { loadManifest, missingManifest } from './load-manifest.ts'
import type { OnnxOptions } from './load-onnx-model.ts'
import { inputShape, type Manifest, pictureOf, withLabels } from './manifest.ts'
import type { Model } from './model.ts'
import { readModelJson } from './model-json.ts'
import { openShardWeights } from './shard-weights.ts'

/**
 * Loads a TensorFlow.js layers model: a folder with model.json, its weight shards, and optionally surgeon.json (see
 * `Manifest`; published networks are known without it). Weights stay on disk until they are read; the hash covers
 * model.json's topology and manifest and every byte of the shards, streamed.
 * @throws {TypeError} for an unknown or broken model. @throws {RangeError} for truncated shards.
 */
export async function loadLayersModel(
  directory: string,
  options: { readonly path?: string; readonly graphModel?: OnnxOptions } = {},
): Promise<Model> {
  const path = options.path ?? join(directory, 'model.json')
  const json = await readModelJson(path)
  if (json.format === 'graph-model') {
    // With all that reads ONNX, which a layers model does without.
    return (await import('./load-graph-model.ts')).loadGraphModel(path, json, options.graphModel)
  }
  if (Object.values(options.graphModel ?? {}).some((option) => option !== undefined))
    throw new TypeError(`Cannot load model ${path} with inputShapes or inputValues: it must be a graph model`)
  const given = await loadManifest(directory)
  const inputSize = given && pictureOf(given)
  const size = inputSize === undefined ? {} : { inputSize }
  const graph = graphFromKeras(json.modelTopology, { origin: path, ...size })
  const weights = await openShardWeights(directory, json.weightsManifest, graph)
  const manifest = given ?? (await wellKnown(graph, directory))
  requireFittingInput(graph, manifest, directory)

  const hash = createHash('sha256').update(JSON.stringify([json.modelTopology, json.weightsManifest]))
  for (const shard of weights.shards) {
    for await (const chunk of createReadStream(shard, { highWaterMark: 1 << 20 }))
      hash.update(chunk as Buffer)
  }
  return { graph, weights, manifest, hash: hash.digest('hex').slice(0, 32) }
}

async function wellKnown(graph: LayerGraph, directory: string): Promise<Manifest> {
  const [height, width] = graph.tensors[graph.inputs[0]!]!.shape
  const manifest = knownManifest(graph.name, { width: width ?? 0, height: height ?? 0 })
  if (manifest === undefined) throw missingManifest(directory, graph.name)
  const hasLabels = await access(join(directory, 'labels.json')).then(
    () => true,
    () => false,
  )
  return hasLabels ? withLabels(manifest, 'labels.json') : manifest
}

function requireFittingInput(graph: LayerGraph, { input }: Manifest, directory: string): void {
  const shape = borderShape(graph.tensors[graph.inputs[0]!]!)
  const wanted = inputShape(input)
  if (graph.inputs.length !== 1 || shape.join() !== wanted.join()) {
    throw new TypeError(
      `Cannot load model of ${directory}: its one input must be ${input.kind ?? 'picture'} of ${wanted.join(' x ')} as surgeon.json says, current shape is ${shape.join(' x ')}`,
    )
  }
}
