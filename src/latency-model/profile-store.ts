import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
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

/** Replaces the file in one step: a power cut leaves the old profile or the new one, never half of one. */
export async function writeProfile(path: string, profile: Profile): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  const temporary = `${path}.${process.pid}.tmp`
  await writeFile(temporary, `${JSON.stringify(profile, undefined, 1)}\n`)
  await rename(temporary, path)
}
