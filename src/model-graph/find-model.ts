import { readdir, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type ZooModel, zooModel, zooModels } from './zoo/zoo.ts'

/** Where the models that come with Surgeon lie: beside dist/ in the package. */
const bundledModels = fileURLToPath(new URL('../../../models/', import.meta.url))

/** What a model's name or path stands for. */
export type ModelPlace =
  /** Folder with a TensorFlow.js layers model. */
  | { readonly kind: 'layers'; readonly directory: string }
  | { readonly kind: 'onnx'; readonly path: string; readonly directory: string }
  /** Keras topology without weights. */
  | { readonly kind: 'topology'; readonly path: string; readonly directory: string }
  | { readonly kind: 'zoo'; readonly model: ZooModel }

/**
 * Finds a model: `zoo:NAME` is one of the zoo; else a folder (with model.json, or one .onnx file), a model.json, .onnx
 * or Keras topology file; else a bundled model's name, else one of the zoo.
 * @throws {TypeError} saying what it may be.
 */
export async function findModel(source: string): Promise<ModelPlace> {
  if (source.startsWith('zoo:')) return { kind: 'zoo', model: zooModel(source.slice(4)) }
  for (const path of [source, join(bundledModels, source.toLowerCase())]) {
    const place = await placeAt(path)
    if (place !== undefined) return place
  }
  try {
    return { kind: 'zoo', model: zooModel(source) }
  } catch (cause) {
    const known = zooModels.map(({ name }) => name).join(', ')
    throw new TypeError(
      `Cannot load model ${source}: it must be a folder with model.json or one .onnx file, a .onnx or Keras .json file, the bundled mobilenetv2, or of the zoo (${known})`,
      { cause },
    )
  }
}

async function placeAt(path: string): Promise<ModelPlace | undefined> {
  const found = await stat(path).catch(() => undefined)
  if (found?.isFile() === true) {
    const directory = dirname(path)
    if (path.toLowerCase().endsWith('.onnx')) return { kind: 'onnx', path, directory }
    if (basename(path) === 'model.json') return { kind: 'layers', directory }
    return path.endsWith('.json') ? { kind: 'topology', path, directory } : undefined
  }
  if (found?.isDirectory() !== true) return undefined
  const files = await readdir(path)
  if (files.includes('model.json')) return { kind: 'layers', directory: path }
  const onnx = files.filter((file) => file.toLowerCase().endsWith('.onnx'))
  if (onnx.length === 1) return { kind: 'onnx', path: join(path, onnx[0]!), directory: path }
  if (onnx.length > 1) {
    throw new TypeError(
      `Cannot load model ${path}: it must hold one .onnx file, current ones are ${onnx.join(', ')}`,
    )
  }
  return undefined
}
