import { readdir, readFile, stat } from 'node:fs/promises'
import { basename, dirname, extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type ZooModel, zooModel, zooModels } from './zoo/zoo.ts'

/** Where the models that come with Surgeon lie: beside dist/ in the package. */
const bundledModels = fileURLToPath(new URL('../../../models/', import.meta.url))

/** What a model's name or path stands for. */
export type ModelPlace =
  /** model.json of a TensorFlow.js layers or graph model, whatever its name. */
  | { readonly kind: 'layers'; readonly path: string; readonly directory: string }
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
      `Cannot load model ${source}: it must be a folder with model.json or one .onnx file, a .onnx or Keras .json file, one of the bundled mobilenetv2 and activity, or of the zoo (${known})`,
      { cause },
    )
  }
}

/** How files of other kinds become ONNX files. */
const conversions: ReadonlyMap<string, string> = new Map([
  ['.tflite', 'python -m tf2onnx.convert --tflite model.tflite --output model.onnx'],
  ['.pb', 'python -m tf2onnx.convert --saved-model FOLDER --output model.onnx'],
  ['.h5', 'python -m tf2onnx.convert --keras model.h5 --output model.onnx'],
  ['.keras', "model.export('model.onnx', format='onnx') of Keras 3"],
  ['.pt', 'torch.onnx.export(model, example, "model.onnx")'],
  ['.pth', 'torch.onnx.export(model, example, "model.onnx")'],
])

/** Whether a JSON file is a TensorFlow.js model under another name. */
async function namesWeights(path: string): Promise<boolean> {
  try {
    const json: unknown = JSON.parse(await readFile(path, 'utf8'))
    return typeof json === 'object' && json !== null && 'weightsManifest' in json
  } catch {
    return false
  }
}

async function placeAt(path: string): Promise<ModelPlace | undefined> {
  const found = await stat(path).catch(() => undefined)
  if (found?.isFile() === true) {
    const directory = dirname(path)
    if (path.toLowerCase().endsWith('.onnx')) return { kind: 'onnx', path, directory }
    const how = conversions.get(extname(path).toLowerCase())
    if (how !== undefined)
      throw new TypeError(`Cannot load model ${path}: it must be converted first, for example by ${how}`)
    if (!path.endsWith('.json')) return undefined
    const hasWeights = basename(path) === 'model.json' || (await namesWeights(path))
    return { kind: hasWeights ? 'layers' : 'topology', path, directory }
  }
  if (found?.isDirectory() !== true) return undefined
  const files = await readdir(path)
  if (files.includes('model.json')) return { kind: 'layers', path: join(path, 'model.json'), directory: path }
  const onnx = files.filter((file) => file.toLowerCase().endsWith('.onnx'))
  if (onnx.length === 1) return { kind: 'onnx', path: join(path, onnx[0]!), directory: path }
  if (onnx.length > 1) {
    throw new TypeError(
      `Cannot load model ${path}: it must hold one .onnx file, current ones are ${onnx.join(', ')}`,
    )
  }
  return undefined
}
