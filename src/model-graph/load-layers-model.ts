import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { join } from 'node:path'
import { graphFromKeras } from './keras-topology.ts'
import { knownManifest } from './known-manifests.ts'
import { loadManifest } from './load-manifest.ts'
import type { OnnxOptions } from './load-onnx-model.ts'
import { pictureOf } from './manifest.ts'
import type { Model } from './model.ts'
import { readModelJson } from './model-json.ts'
import { withManifest } from './model-manifest.ts'
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
  const given = await loadManifest(path)
  if (given?.fixed !== undefined)
    throw new TypeError(
      `Cannot load ${path}: values of inputs can be fixed in ONNX files and graph models only`,
    )
  const inputSize = given && pictureOf(given)
  const size = inputSize === undefined ? {} : { inputSize }
  const graph = graphFromKeras(json.modelTopology, { origin: path, ...size })
  const weights = await openShardWeights(directory, json.weightsManifest, graph)

  const hash = createHash('sha256').update(JSON.stringify([json.modelTopology, json.weightsManifest]))
  for (const shard of weights.shards) {
    for await (const chunk of createReadStream(shard, { highWaterMark: 1 << 20 }))
      hash.update(chunk as Buffer)
  }
  return withManifest({ graph, weights, hash: hash.digest('hex').slice(0, 32) }, path, given, knownManifest)
}
