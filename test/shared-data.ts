import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { repositoryRoot } from './paths.ts'

/**
 * Development data (models, photos, traces) that is not part of the repository: `SURGEON_SHARED_DATA`, or the folder
 * `shared/data` beside or above the repository.
 * @returns The path of the named file or folder; undefined, and a note on stderr, where it is absent.
 */
export function sharedData(name: string): string | undefined {
  const given = process.env['SURGEON_SHARED_DATA']
  const roots = given === undefined ? [] : [new URL(`file://${given}/`)]
  roots.push(new URL('../shared/data/', repositoryRoot), new URL('../../shared/data/', repositoryRoot))
  const paths = roots.map((root) => fileURLToPath(new URL(name, root)))
  const found = paths.find((path) => existsSync(path))
  if (found === undefined)
    process.stderr.write(`tests that need ${name} are skipped: SURGEON_SHARED_DATA is absent\n`)
  return found
}
