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

/** The reason for a skipped test, printed once by the test that is skipped. */
export function missingData(relative: string): string {
  return `development data absent: shared/data/${relative}`
}
