import { access, readFile } from 'node:fs/promises'
import { basename, dirname, extname, join } from 'node:path'
import { z } from 'zod'
import { type Manifest, manifestSchema } from './manifest.ts'

/** Where a model's manifest may stand: the first that exists holds. The second is of all models in the folder. */
export function manifestPaths(modelPath: string): readonly [own: string, shared: string] {
  const stem = basename(modelPath, extname(modelPath))
  return [join(dirname(modelPath), `${stem}.surgeon.json`), join(dirname(modelPath), 'surgeon.json')]
}

/**
 * Reads `NAME.surgeon.json` or `surgeon.json` beside a model's file.
 * @returns undefined where neither exists.
 * @throws {TypeError} where it is not a manifest, with all faults.
 */
export async function loadManifest(modelPath: string): Promise<Manifest | undefined> {
  for (const path of manifestPaths(modelPath)) {
    const manifest = await readManifest(path)
    if (manifest !== undefined) return manifest
  }
  return undefined
}

async function readManifest(path: string): Promise<Manifest | undefined> {
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

/** Whether class names lie beside a model's file under their usual name. */
export async function hasLabels(modelPath: string): Promise<boolean> {
  return access(join(dirname(modelPath), labelsFile)).then(
    () => true,
    () => false,
  )
}

/** Class names, where a manifest that nobody has written names them. */
export const labelsFile = 'labels.json'
