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
