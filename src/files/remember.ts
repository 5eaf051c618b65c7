import type { Log } from '../telemetry/log.ts'
import { writeWhole } from './write-whole.ts'

/**
 * Keeps a value as JSON for the next start. What is only remembered must not stop what is computed: a disk that is full,
 * read-only or gone is told, and nothing else.
 */
export async function remember(path: string, value: unknown, log: Log): Promise<void> {
  try {
    await writeWhole(path, `${JSON.stringify(value, undefined, 1)}\n`)
  } catch (error) {
    log('warn', 'not kept for the next start, which will measure again', { path, error })
  }
}
