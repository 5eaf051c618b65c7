import { mkdir, mkdtemp, rm, statfs } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { join, resolve } from 'node:path'
import type { CompiledCacheSettings } from '../../src/executor/compiled-cache/cache-settings.ts'
import { warningsHere } from '../../src/machine/this-machine.ts'
import { bad, type Finding, good, note, warning } from './finding.ts'

export interface MachineSettings {
  readonly threads: number | 'auto'
  readonly stateDirectory: string
  readonly compiledCache: CompiledCacheSettings
}

/** Threads, clock, time zone, and the folders that the daemon writes to. */
export async function checkMachine({
  threads,
  stateDirectory,
  compiledCache,
}: MachineSettings): Promise<Finding[]> {
  const warnings = warningsHere(threads)
  const inOrder = ['threads', 'clock'].filter((about) => warnings.every((one) => one.about !== about))
  return [
    ...warnings.map(({ about, found, mend }) => warning(about, found, mend)),
    ...inOrder.map((about) =>
      good(
        about,
        about === 'threads'
          ? threads === 'auto'
            ? 'as many as are the fastest'
            : `${threads} a run`
          : new Date().toISOString(),
      ),
    ),
    await checkFolder('state', resolve(stateDirectory), 'stateDirectory'),
    ...(compiledCache.bytes === 0
      ? [note('compiled', 'Segments are compiled in memory, as compiledCache.bytes is 0')]
      : await checkCache(compiledCache)),
    ...checkMemorySettings(),
  ]
}

/** Tries to write there, as whoever runs this. */
async function checkFolder(about: string, folder: string, key: string): Promise<Finding> {
  try {
    await mkdir(folder, { recursive: true })
    const trial = await mkdtemp(join(folder, '.doctor-'))
    await rm(trial, { recursive: true })
    return good(about, `${folder} can be written`)
  } catch (error) {
    const { username } = userInfo()
    return bad(
      about,
      `${folder} cannot be written by ${username}: ${(error as Error).message}`,
      `Set ${key} to a folder of ${username}, or give it this one: sudo install -d -o ${username} ${folder}`,
    )
  }
}

async function checkCache({ directory, bytes }: CompiledCacheSettings): Promise<Finding[]> {
  const folder = await checkFolder('compiled', directory, 'compiledCache.directory')
  if (folder.verdict !== 'good') return [folder]
  const { bavail, bsize } = await statfs(directory)
  const free = bavail * bsize
  if (free >= bytes / 4) return [folder]
  return [
    folder,
    warning(
      'disk',
      `${megabytes(free)} are free beside ${directory}, which may grow to ${megabytes(bytes)}`,
      `Make room, or set compiledCache: { bytes: ${Math.max(0, Math.floor(free / 2e6)) * 1e6} }; what does not fit is compiled in memory at each start.`,
    ),
  ]
}

/** The unit has them; by hand memory grows to twice as much. */
function checkMemorySettings(): Finding[] {
  if (process.env['MALLOC_ARENA_MAX'] !== undefined || process.platform !== 'linux') return []
  return [
    note(
      'memory',
      'MALLOC_ARENA_MAX is not set here: a daemon that is started by hand like this takes up to twice the memory',
      'Start it by its systemd unit (deploy/systemd/), or with the Environment= lines of that unit.',
    ),
  ]
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`
}
