import { mkdir, open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'

let writes = 0

/**
 * Replaces a file in one step, folders made as needed: a reader, or a power cut, finds the old text or the new one. The
 * text is on the disk before the name is, and the name before this resolves: a rename alone orders neither.
 */
export async function writeWhole(path: string, text: string): Promise<void> {
  const folder = dirname(path)
  await mkdir(folder, { recursive: true })
  // Two writers of one process, or of two, do not share it.
  const unfinished = `${path}.${process.pid}.${writes++}.tmp`
  try {
    const file = await open(unfinished, 'w')
    try {
      await file.writeFile(text)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(unfinished, path)
  } catch (error) {
    await rm(unfinished, { force: true }).catch(() => undefined)
    throw error
  }
  await syncFolder(folder)
}

/** Where a folder cannot be opened, as on Windows, the system keeps its names by itself. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r').catch(() => undefined)
  try {
    await handle?.sync().catch(() => undefined)
  } finally {
    await handle?.close()
  }
}
