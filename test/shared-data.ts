import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { repositoryRoot } from './paths.ts'

/**
 * Path of a file or folder of the development data, or undefined where it is absent. The data lie outside the
 * repository: at `SURGEON_SHARED_DATA`, else in `shared/data` beside the repository's folder.
 */
export function sharedData(relative: string): string | undefined {
  const folder =
    process.env['SURGEON_SHARED_DATA'] ?? fileURLToPath(new URL('../shared/data', repositoryRoot))
  const path = `${folder}/${relative}`
  return existsSync(path) ? path : undefined
}

/** Why tests that need them are skipped. */
export const noSharedData = 'the development data are absent (SURGEON_SHARED_DATA names their folder)'
