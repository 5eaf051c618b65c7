import { readFile } from 'node:fs/promises'

/** What model.json of TensorFlow.js holds. */
export interface ModelJson {
  readonly modelTopology: unknown
  readonly weightsManifest: unknown
  readonly format?: unknown
  readonly signature?: unknown
}

/** @throws {TypeError} where the file is not that of a TensorFlow.js layers model. */
export async function readModelJson(path: string): Promise<ModelJson> {
  let json: unknown
  try {
    json = JSON.parse(await readFile(path, 'utf8'))
  } catch (cause) {
    throw new TypeError(`Cannot load model: ${path} must be a readable JSON file`, { cause })
  }
  if (
    typeof json !== 'object' ||
    json === null ||
    !('modelTopology' in json) ||
    !('weightsManifest' in json)
  ) {
    throw new TypeError(`Cannot load model: ${path} must hold modelTopology and weightsManifest`)
  }
  if ('format' in json && json.format !== 'layers-model' && json.format !== 'graph-model') {
    throw new TypeError(
      `Cannot load model: format of ${path} must be layers-model or graph-model, current value is ${JSON.stringify(json.format)}`,
    )
  }
  return json
}
