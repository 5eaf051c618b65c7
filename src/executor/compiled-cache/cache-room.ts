import { randomBytes } from 'node:crypto'
import { lstat, readdir, rename, rm, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { recordFile } from './cache-entry.ts'

/** How long an entry that is being loaded is safe from eviction: longer than any load. */
export const leaseMs = 10 * 60_000

/** Nothing else in the directory is ever counted or removed: it may not be ours alone. */
const entryName = /^[0-9a-f]{32}$/
const unfinishedName = /^[0-9a-f]{32}\.[0-9a-f]+\.tmp$/

interface Entry {
  readonly path: string
  readonly bytes: number
  readonly stampMs: number
}

/**
 * Removes entries, least recently used first and leased ones never, until `bytes` more fit into `limitBytes`; also what
 * was left unfinished by a process that died.
 * @returns Whether they fit.
 */
export async function makeRoom(
  directory: string,
  bytes: number,
  limitBytes: number,
  nowMs: number,
): Promise<boolean> {
  const entries: Entry[] = []
  let used = 0
  for (const name of await readdir(directory)) {
    const path = join(directory, name)
    const unfinished = unfinishedName.test(name)
    if (!unfinished && !entryName.test(name)) continue
    const stampMs = await modifiedMs(unfinished ? path : join(path, recordFile))
    if (unfinished && stampMs < nowMs - leaseMs) {
      await rm(path, { recursive: true, force: true })
      continue
    }
    const size = await folderBytes(path)
    used += size
    // A stamp too far ahead is of a clock that was put back.
    const leased = stampMs > nowMs && stampMs <= nowMs + leaseMs
    if (!unfinished && !leased) entries.push({ path, bytes: size, stampMs })
  }
  entries.sort((a, b) => a.stampMs - b.stampMs)
  for (const entry of entries) {
    if (used + bytes <= limitBytes) break
    await discard(entry.path)
    used -= entry.bytes
  }
  return used + bytes <= limitBytes
}

/** Where an entry is made before it is renamed, and where one goes that is removed. */
export function unfinishedPath(folder: string): string {
  return `${folder}.${randomBytes(6).toString('hex')}.tmp`
}

/** Removes an entry in one step, so that no other process finds half of it. What is mapped stays mapped. */
export async function discard(folder: string): Promise<void> {
  const path = unfinishedPath(folder)
  try {
    await rename(folder, path)
  } catch (error) {
    if (await exists(folder)) throw error
  }
  await rm(path, { recursive: true, force: true })
}

/** Says when an entry was last used or, ahead of now, until when it is being loaded. Not where nothing can be written. */
export async function stampEntry(folder: string, stampMs: number): Promise<void> {
  await utimes(join(folder, recordFile), new Date(), new Date(stampMs)).catch(() => undefined)
}

export async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  )
}

/** Epoch milliseconds; 0 for what is not there. */
async function modifiedMs(path: string): Promise<number> {
  return lstat(path).then(
    ({ mtimeMs }) => mtimeMs,
    () => 0,
  )
}

/** What another process removes meanwhile counts nothing. */
async function folderBytes(path: string): Promise<number> {
  const names = await readdir(path).catch(() => [])
  let sum = 0
  for (const name of names) {
    sum += await lstat(join(path, name)).then(
      ({ size }) => size,
      () => 0,
    )
  }
  return sum
}
