import { appendFile, readFile, rm, writeFile } from 'node:fs/promises'

/** Results of a long run, one JSON line each, so that a run that was stopped goes on where it was. */
export interface Journal {
  /** The value stored under a key, else what `make` resolves with, stored before it is given. */
  once<Value>(key: string, make: () => Promise<Value>): Promise<Value>
  /** The run is complete: the file goes. */
  remove(): Promise<void>
}

/** @param run describes all that the results depend on; a journal of another run is begun anew. */
export async function openJournal(path: string, run: string): Promise<Journal> {
  const lines = (await readFile(path, 'utf8').catch(() => '')).split('\n')
  const first = JSON.stringify({ run })
  const entries = new Map<string, unknown>()
  if (lines[0] === first) {
    // Without its line end the last line was cut off while it was written.
    for (const line of lines.slice(1, -1)) {
      const { key, value } = JSON.parse(line) as { key: string; value: unknown }
      entries.set(key, value)
    }
  }
  const kept = [...entries].map(([key, value]) => `${JSON.stringify({ key, value })}\n`)
  await writeFile(path, `${first}\n${kept.join('')}`)
  return {
    async once<Value>(key: string, make: () => Promise<Value>) {
      if (entries.has(key)) return entries.get(key) as Value
      const value = await make()
      entries.set(key, value)
      await appendFile(path, `${JSON.stringify({ key, value })}\n`)
      return value
    },
    remove: () => rm(path, { force: true }),
  }
}
