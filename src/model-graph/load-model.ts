import { readFile, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { loadLayersModel } from './load-layers-model.ts'
import type { Manifest } from './manifest.ts'
import type { Model } from './model.ts'

/** Where the models that come with Surgeon lie: beside dist/ in the package. */
const bundledModels = fileURLToPath(new URL('../../../models/', import.meta.url))

/** The directory of a model: `source` itself, or the bundled model of that name. */
async function modelDirectory(source: string): Promise<string> {
  for (const directory of [source, join(bundledModels, source.toLowerCase())]) {
    const found = await stat(join(directory, 'model.json')).catch(() => undefined)
    if (found?.isFile()) return directory
  }
  throw new TypeError(
    `Cannot load model ${source}: it must be a directory with a model.json or the name of a bundled model (mobilenetv2)`,
  )
}

/** Loads a model by bundled name or directory. @throws {TypeError} naming what is missing or wrong, and where. */
export async function loadModel(source: string): Promise<Model> {
  return loadLayersModel(await modelDirectory(source))
}

/** Class names of a model; empty where its manifest names no file. */
export async function loadLabels(source: string, manifest: Manifest): Promise<readonly string[]> {
  const { labels } = manifest.output
  if (labels === undefined) return []
  const path = join(await modelDirectory(source), labels)
  const names: unknown = JSON.parse(await readFile(path, 'utf8'))
  if (!Array.isArray(names) || !names.every((name) => typeof name === 'string')) {
    throw new TypeError(`Cannot read labels ${path} of ${dirname(path)}: it must be a JSON array of strings`)
  }
  return names
}
