import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { libraryFiles } from './library.ts'

/** Debian's name of the folder of libraries for the machines that Node runs on. */
const triplets: Readonly<Record<string, string>> = {
  x64: 'x86_64-linux-gnu',
  arm64: 'aarch64-linux-gnu',
  arm: 'arm-linux-gnueabihf',
}

/** The library's file, found without loading it; undefined where it is in none of the usual places. */
export function locateXnnpack(): string | undefined {
  const own = (process.env['LD_LIBRARY_PATH'] ?? '').split(':').filter((folder) => folder !== '')
  const triplet = triplets[process.arch] ?? ''
  const folders = [...own, join('/usr/lib', triplet), '/usr/lib', '/usr/local/lib']
  return libraryFiles
    .flatMap((file) => folders.map((folder) => join(folder, file)))
    .find((path) => existsSync(path))
}
