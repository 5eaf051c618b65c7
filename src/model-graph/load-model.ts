import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { findModel } from './find-model.ts'
import { loadKerasTopology } from './load-keras-topology.ts'
import { loadLayersModel } from './load-layers-model.ts'
import { loadZooModel } from './load-zoo-model.ts'
import type { Model } from './model.ts'

export interface LoadModelOptions {
  /** Folder with a TensorFlow.js layers model whose weights a model of the zoo, or a topology, is to have. */
  readonly weights?: string
  /** Of the random weights of a model of the zoo, or a topology, without `weights`; 32-bit, 1 by default. */
  readonly seed?: number
  /** All axes of an ONNX file's inputs, batch axis of 1 included, by name: for those that the file leaves open. */
  readonly inputShapes?: Readonly<Record<string, readonly number[]>>
  /** What inputs of an ONNX file always hold, by name: one number for all values, or all of them. */
  readonly inputValues?: Readonly<Record<string, number | readonly number[]>>
}

/**
 * Loads a model by path or name, see `findModel`.
 * @throws {TypeError} naming what is missing or wrong, and where; also for an option that does not apply.
 */
export async function loadModel(source: string, options: LoadModelOptions = {}): Promise<Model> {
  const place = await findModel(source)
  const { inputShapes, inputValues, ...weights } = options
  const isFile = place.kind === 'onnx' || place.kind === 'layers'
  if (!isFile && inputShapes !== undefined) throw idle('inputShapes', source, 'an ONNX file')
  if (!isFile && inputValues !== undefined) throw idle('inputValues', source, 'an ONNX file')
  switch (place.kind) {
    case 'zoo':
      return loadZooModel(place.model, weights)
    case 'topology':
      return loadKerasTopology(place.path, weights)
    case 'layers':
    case 'onnx':
      for (const name of ['weights', 'seed'] as const) {
        if (options[name] !== undefined) throw idle(name, source, 'of the zoo')
      }
      if (place.kind === 'layers')
        return loadLayersModel(place.directory, {
          path: place.path,
          graphModel: { inputShapes, inputValues },
        })
      // With all that reads ONNX: 5 MB that an agent with another model does without.
      return (await import('./load-onnx-model.ts')).loadOnnxModel(place.path, { inputShapes, inputValues })
  }
}

/** Class names of a model: those of the file that its manifest names, else those that its own file holds. */
export async function loadLabels(
  source: string,
  { manifest, classNames = [] }: Pick<Model, 'manifest' | 'classNames'>,
): Promise<readonly string[]> {
  const { output } = manifest
  const labels = 'labels' in output ? output.labels : undefined
  const place = await findModel(source)
  if (labels === undefined || place.kind === 'zoo') return classNames
  const path = join(place.directory, labels)
  const names: unknown = JSON.parse(await readFile(path, 'utf8'))
  if (!Array.isArray(names) || !names.every((name) => typeof name === 'string')) {
    throw new TypeError(
      `Cannot read labels ${path} of ${place.directory}: it must be a JSON array of strings`,
    )
  }
  return names
}

function idle(option: string, source: string, wanted: string): TypeError {
  return new TypeError(`Cannot load model ${source} with ${option}: it must be ${wanted}`)
}
