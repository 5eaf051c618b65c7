import { createHash } from 'node:crypto'
import { basename, dirname, join } from 'node:path'
import { addFile, modelOfFile, type OnnxOptions } from './load-onnx-model.ts'
import type { Model } from './model.ts'
import type { ModelJson } from './model-json.ts'
import { graphModelFile } from './tfjs-graph/graph-model-file.ts'

/**
 * Loads a TensorFlow.js graph model, as its converter writes every SavedModel: as an ONNX file in memory, see
 * `graphModelFile`. The hash covers topology, weights manifest and every byte of the shards.
 * @param path model.json.
 */
export async function loadGraphModel(
  path: string,
  json: ModelJson,
  options: OnnxOptions = {},
): Promise<Model> {
  const directory = dirname(path)
  const { file, shards } = await graphModelFile(directory, json, path)
  const hash = createHash('sha256').update(JSON.stringify([json.modelTopology, json.weightsManifest]))
  for (const shard of shards) await addFile(hash, shard)
  const name = basename(path, '.json')
  return modelOfFile(file, hash, name === 'model' ? basename(join(directory)) : name, options)
}
