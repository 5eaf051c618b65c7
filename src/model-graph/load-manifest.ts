import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { type Manifest, manifestSchema } from './manifest.ts'

/** What to write where a model says nothing about its input. */
const example = JSON.stringify({
  name: 'my-model',
  input: {
    width: 224,
    height: 224,
    channels: 'rgb',
    mean: [127.5, 127.5, 127.5],
    scale: [127.5, 127.5, 127.5],
  },
  output: { kind: 'softmax', labels: 'labels.json', topK: 5 },
})

/**
 * Reads `surgeon.json`.
 * @returns undefined where the file does not exist.
 * @throws {TypeError} where it is not a manifest, with all faults.
 */
export async function loadManifest(directory: string): Promise<Manifest | undefined> {
  const path = join(directory, 'surgeon.json')
  const text = await readFile(path, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return undefined
    throw new Error(`Cannot read ${path}: ${cause.message}`, { cause })
  })
  if (text === undefined) return undefined
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (cause) {
    throw new TypeError(`Cannot read ${path}: it must be JSON`, { cause })
  }
  const parsed = manifestSchema.safeParse(json)
  if (!parsed.success) throw new TypeError(`Cannot read ${path}: ${z.prettifyError(parsed.error)}`)
  return parsed.data
}

/** @returns The error that tells which file to write, and shows one. */
export function missingManifest(directory: string, modelName: string): TypeError {
  return new TypeError(
    `Cannot tell how model '${modelName}' wants its input: ${join(directory, 'surgeon.json')} must exist, for example ${example}`,
  )
}
