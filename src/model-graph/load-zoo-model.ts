import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { graphFromKeras } from './keras-topology.ts'
import type { LayerGraph } from './layer-graph.ts'
import type { Manifest } from './manifest.ts'
import type { Model, WeightSource } from './model.ts'
import { readModelJson } from './model-json.ts'
import { openShardWeights } from './shard-weights.ts'
import { resNet50NameToday } from './zoo/resnet50-names.ts'
import { inputPowerOf, seededWeights } from './zoo/seeded-weights.ts'
import type { ZooModel } from './zoo/zoo.ts'

/** Exactly one of the two is used; see `LoadModelOptions`. */
export interface WeightChoice {
  readonly weights?: string
  readonly seed?: number
}

const defaultSeed = 1

/** Builds a model of the zoo. The hash covers topology and seed, or topology and the weights' every byte. */
export function loadZooModel(zooModel: ZooModel, choice: WeightChoice = {}): Promise<Model> {
  const { topology } = zooModel.build()
  const graph = graphFromKeras(topology, { origin: `zoo model ${zooModel.name}` })
  return withWeights(graph, topology, zooModel.manifest, choice)
}

/** @throws {TypeError} where both are chosen, or the folder's weights do not fit. */
export async function withWeights(
  graph: LayerGraph,
  topology: unknown,
  manifest: Manifest,
  { weights: directory, seed }: WeightChoice,
): Promise<Model> {
  const hash = createHash('sha256').update(JSON.stringify(topology))
  if (directory === undefined) {
    const used = seed ?? defaultSeed
    if (!Number.isInteger(used) || used < 0 || used >= 2 ** 32) {
      throw new TypeError(
        `Cannot make weights: seed must be a whole number below 2^32, current value is ${used}`,
      )
    }
    const weights = seededWeights(graph, { seed: used, inputPower: inputPowerOf(manifest) })
    return { graph, weights, manifest, hash: hash.update(`seed ${used}`).digest('hex').slice(0, 32) }
  }
  if (seed !== undefined)
    throw new TypeError(`Cannot make weights: seed must not be given together with weights`)
  const { weightsManifest } = await readModelJson(`${directory}/model.json`)
  const weights = await openFittingWeights(directory, weightsManifest, graph)
  hash.update(JSON.stringify(weightsManifest))
  for (const shard of weights.shards) {
    for await (const chunk of createReadStream(shard, { highWaterMark: 1 << 20 }))
      hash.update(chunk as Buffer)
  }
  return { graph, weights, manifest, hash: hash.digest('hex').slice(0, 32) }
}

/** Weights are matched by name; those of a ResNet50 of Keras 2.2 fit today's by their new names. */
function openFittingWeights(
  directory: string,
  manifest: unknown,
  graph: LayerGraph,
): Promise<WeightSource & { readonly shards: readonly string[] }> {
  const wanted = new Set(graph.layers.flatMap(({ weights }) => weights.map(({ name }) => name)))
  const renamed = Array.isArray(manifest)
    ? manifest.map((group: unknown) => renameGroup(group, wanted))
    : manifest
  return openShardWeights(directory, renamed, graph)
}

function renameGroup(group: unknown, wanted: ReadonlySet<string>): unknown {
  if (typeof group !== 'object' || group === null || !('weights' in group) || !Array.isArray(group.weights))
    return group
  const weights = group.weights.map((weight: unknown) => {
    if (typeof weight !== 'object' || weight === null || !('name' in weight)) return weight
    const { name } = weight
    return typeof name === 'string' ? { ...weight, name: nameToday(name.replace(/:0$/, ''), wanted) } : weight
  })
  return { ...group, weights }
}

function nameToday(name: string, wanted: ReadonlySet<string>): string {
  if (wanted.has(name)) return name
  try {
    const today = resNet50NameToday(name)
    return wanted.has(today) ? today : name
  } catch {
    return name
  }
}
