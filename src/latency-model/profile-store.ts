import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Profile, profileSchema } from './profile.ts'

/** Where a model's profile for an engine lies in the state directory. */
export function profilePath(stateDirectory: string, modelHash: string, engine: string): string {
  return join(stateDirectory, 'profiles', `${modelHash}-${engine}.json`)
}

/** The stored profile, or undefined where there is none or it cannot be read: it is measured anew then. */
export async function readProfile(path: string): Promise<Profile | undefined> {
  try {
    return profileSchema.parse(JSON.parse(await readFile(path, 'utf8')))
  } catch {
    return undefined
  }
}

/**
 * A profile that somebody asked for by name; undefined where nobody did.
 * @param modelHash of the model it must be of, where that matters.
 * @throws {Error} where it is none, or of another model.
 */
export async function givenProfile(
  path: string | undefined,
  modelHash?: string,
): Promise<Profile | undefined> {
  if (path === undefined) return undefined
  const stored = await readProfile(path)
  if (stored === undefined)
    throw new Error(`Cannot read profile ${path}: it must be what surgeon profile writes`)
  if (modelHash !== undefined && stored.modelHash !== modelHash) {
    throw new Error(
      `Cannot use profile ${path}: modelHash must be ${modelHash}, current value is ${stored.modelHash}`,
    )
  }
  return stored
}
