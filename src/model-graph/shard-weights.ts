import { type FileHandle, open, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { LayerGraph } from './layer-graph.ts'
import type { WeightSource } from './model.ts'
import { bytesPerValue, decodeWeight } from './weight-encoding.ts'
import { readWeightsManifest, type WeightPlace } from './weights-manifest.ts'

/** A stretch of one shard. */
interface Stretch {
  readonly path: string
  readonly start: number
  readonly length: number
}

/**
 * Reads weights one at a time from the shards of a TensorFlow.js layers model; holds none of them and no file open
 * between two reads.
 * @param directory Folder of model.json.
 * @param manifest Its `weightsManifest`.
 * @param graph Every weight its layers name must be in the manifest with the layer's shape, or {@link TypeError}.
 * @throws {RangeError} where the shards are shorter than the manifest says.
 */
export async function openShardWeights(
  directory: string,
  manifest: unknown,
  graph: LayerGraph,
): Promise<WeightSource & { readonly shards: readonly string[] }> {
  const { groups, places } = readWeightsManifest(manifest, join(directory, 'model.json'))
  requireShapes(graph, places, directory)
  const shards = await Promise.all(
    groups.map((names) => Promise.all(names.map((name) => sizeOf(join(directory, name))))),
  )
  for (const place of places.values()) stretchesOf(place, shards[place.group]!)

  const placeOf = (name: string): WeightPlace => {
    const place = places.get(name)
    if (place === undefined)
      throw new TypeError(`Cannot read weight '${name}': model of ${directory} has none of that name`)
    return place
  }
  const readPlace = async (place: WeightPlace): Promise<Float32Array<ArrayBuffer>> => {
    const { name, byteLength, encoding } = place
    const bytes = new Uint8Array(byteLength)
    let filled = 0
    for (const stretch of stretchesOf(place, shards[place.group]!)) {
      await readStretch(stretch, bytes.subarray(filled, filled + stretch.length), name)
      filled += stretch.length
    }
    const values = decodeWeight(bytes, encoding)
    const bad = firstNotFinite(values)
    if (bad < values.length) {
      throw new TypeError(
        `Cannot read weight '${name}' of ${directory}: values must be finite, value ${bad} is ${values[bad]}`,
      )
    }
    return values
  }
  return {
    shards: shards.flatMap((group) => group.map(({ path }) => path)),
    read: async (name) => readPlace(placeOf(name)),
    readPart: async (name, begin, end) => {
      const place = placeOf(name)
      const each = bytesPerValue(place.encoding)
      const offset = place.offset + begin * each
      return readPlace({ ...place, offset, byteLength: (end - begin) * each })
    },
  }
}

function firstNotFinite(values: Float32Array): number {
  let index = 0
  while (index < values.length && Number.isFinite(values[index])) index += 1
  return index
}

function requireShapes(graph: LayerGraph, places: ReadonlyMap<string, WeightPlace>, directory: string): void {
  for (const { name, shape } of graph.layers.flatMap((layer) => layer.weights)) {
    const place = places.get(name)
    if (place === undefined)
      throw new TypeError(`Cannot load model of ${directory}: weightsManifest must hold weight '${name}'`)
    if (place.shape.join() !== shape.join()) {
      throw new TypeError(
        `Cannot load model of ${directory}: shape of weight '${name}' must be [${shape.join(', ')}], current value is [${place.shape.join(', ')}]`,
      )
    }
  }
}

async function sizeOf(path: string): Promise<{ path: string; size: number }> {
  try {
    return { path, size: (await stat(path)).size }
  } catch (cause) {
    throw new Error(`Cannot open weights: file ${path} must be readable`, { cause })
  }
}

/** A weight may begin in one shard and end in a later one. */
function stretchesOf(place: WeightPlace, shards: readonly { path: string; size: number }[]): Stretch[] {
  const stretches: Stretch[] = []
  let begin = 0
  for (const { path, size } of shards) {
    const start = Math.max(place.offset, begin)
    const end = Math.min(place.offset + place.byteLength, begin + size)
    if (end > start) stretches.push({ path, start: start - begin, length: end - start })
    begin += size
  }
  const found = stretches.reduce((sum, { length }) => sum + length, 0)
  if (found < place.byteLength) {
    throw new RangeError(
      `Cannot read weight '${place.name}': ${shards.at(-1)!.path} must hold ${place.byteLength - found} more bytes; it is truncated`,
    )
  }
  return stretches
}

async function readStretch(stretch: Stretch, target: Uint8Array<ArrayBuffer>, name: string): Promise<void> {
  let file: FileHandle
  try {
    file = await open(stretch.path, 'r')
  } catch (cause) {
    throw new Error(`Cannot read weight '${name}': file ${stretch.path} must be readable`, { cause })
  }
  try {
    let done = 0
    while (done < target.length) {
      const { bytesRead } = await file.read(target, done, target.length - done, stretch.start + done)
      if (bytesRead === 0) throw new RangeError(`Cannot read weight '${name}': ${stretch.path} is truncated`)
      done += bytesRead
    }
  } finally {
    await file.close()
  }
}
