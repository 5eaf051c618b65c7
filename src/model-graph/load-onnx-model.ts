import { createHash, type Hash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { anyOnnxRuntime } from '../onnx/onnx-runtime.ts'
import { knownOnnxManifest } from './known-manifests.ts'
import type { LayerGraph } from './layer-graph.ts'
import { loadManifest } from './load-manifest.ts'
import { type Manifest, pictureOf } from './manifest.ts'
import type { Model, OnnxConstant, WeightSource } from './model.ts'
import { withManifest } from './model-manifest.ts'
import { toFloat32 } from './onnx/element-types.ts'
import { graphFromOnnx } from './onnx/graph-from-onnx.ts'
import { type OnnxFile, parseOnnxFile } from './onnx/onnx-file.ts'
import { type InputShapes, type InputValues, openRank } from './onnx/onnx-inputs.ts'

export interface OnnxOptions {
  /** All axes of inputs that the file leaves open, by name. */
  readonly inputShapes?: InputShapes | undefined
  /** What inputs always hold, by name: they are constants of the model. */
  readonly inputValues?: InputValues | undefined
}

/**
 * Loads an ONNX file for a batch of 1. Layers are its nodes; shapes are asked of ONNX Runtime. Constants stay in the
 * file, or in the external data beside it, until they are read. The hash covers every byte of these files and the
 * shapes of the inputs, which they may leave open.
 *
 * How it wants its input stands in surgeon.json beside it; some published files are known without. A file about which
 * nothing is known loads, so that it can be looked at and cut, and reading its `manifest` throws.
 * @throws {TypeError} for a broken file, or an operator that the engine does not know. @throws {RangeError} for
 * truncated external data.
 */
export async function loadOnnxModel(path: string, options: OnnxOptions = {}): Promise<Model> {
  const { file, hash } = await parse(path)
  return modelOfFile(file, hash, basename(path, '.onnx'), options)
}

/** The model of a file that has been read. @param hash Of all its bytes. */
export async function modelOfFile(
  file: OnnxFile,
  hash: Hash,
  name: string,
  options: OnnxOptions = {},
): Promise<Model> {
  const { path } = file
  const given = await loadManifest(path)
  const inputShapes = { ...manifestShapes(file, given), ...options.inputShapes }
  const inputValues = { ...given?.fixed, ...options.inputValues }
  const parts = await graphFromOnnx(await anyOnnxRuntime(), file, {
    size: given && pictureOf(given),
    shapes: inputShapes,
    values: inputValues,
  })
  const { graph, constants, constantOutputs, classNames } = parts
  const named: LayerGraph = { ...graph, name }
  hash.update(JSON.stringify(named.inputs.map((id) => named.tensors[id]!.shape)))
  if (Object.keys(inputValues).length > 0) hash.update(JSON.stringify(inputValues))
  const weights = weightsOf(constants, path)
  const model = {
    graph: named,
    weights,
    hash: hash.digest('hex').slice(0, 32),
    constantOutputs,
    classNames,
  }
  return withManifest(model, path, given, knownOnnxManifest)
}

async function parse(path: string): Promise<{ file: OnnxFile; hash: Hash }> {
  const { buffer, byteOffset, byteLength } = await readFile(path).catch((cause: unknown) => {
    throw new Error(`Cannot load model: ${path} must be a readable file below 2 GiB`, { cause })
  })
  const bytes = new Uint8Array(buffer, byteOffset, byteLength)
  const file = parseOnnxFile(bytes, path)
  const hash = createHash('sha256').update(bytes)
  for (const external of file.externalPaths) await addFile(hash, external)
  return { file, hash }
}

export async function addFile(hash: Hash, path: string): Promise<void> {
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer)
}

function weightsOf(constants: ReadonlyMap<string, OnnxConstant>, path: string): WeightSource {
  return {
    constants,
    async read(name) {
      const constant = constants.get(name)
      if (constant === undefined)
        throw new TypeError(`Cannot read weight '${name}': ${path} has none of that name`)
      return toFloat32(constant.dataType, await constant.read())
    },
  }
}

/** What a manifest says of axes that the file may leave open, batch axis in front where the file has one. */
function manifestShapes(file: OnnxFile, manifest: Manifest | undefined): InputShapes {
  if (manifest === undefined || pictureOf(manifest) !== undefined) return {}
  const { input, fixed = {}, state = {} } = manifest
  const told = file.inputs.filter(({ name }) => !Object.hasOwn(fixed, name) && !Object.hasOwn(state, name))
  const shapes = told.flatMap((info) => {
    const own = told.length === 1 && input.kind === 'values' ? input : undefined
    const spec = input.kind === 'named' ? input.inputs[info.name] : own
    if (spec === undefined) return []
    const batch = openRank(info) === spec.shape.length ? [] : [1]
    return [[info.name, [...batch, ...spec.shape]] as const]
  })
  return Object.fromEntries(shapes)
}
