import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import type { Arrival } from './simulate.ts'

const recordSchema = z.object({
  /** Wall clock, milliseconds since 1970. */
  arrivedAt: z.number().nonnegative(),
  input: z.object({ bytes: z.int().positive() }),
})

/**
 * The requests of a file of request records (configuration `records`), one JSON document a line, from the first on.
 * @throws {SyntaxError} naming the file, the line and the field.
 */
export async function readRecordedArrivals(path: string): Promise<Arrival[]> {
  const lines = (await readFile(path, 'utf8')).split('\n')
  const records = lines.flatMap((line, index) => {
    if (line.trim() === '') return []
    try {
      return [recordSchema.parse(JSON.parse(line))]
    } catch (cause) {
      const [issue] = cause instanceof z.ZodError ? cause.issues : []
      const what = issue === undefined ? 'it must be JSON' : `${issue.path.join('.')}: ${issue.message}`
      throw new SyntaxError(`Cannot read request records ${path}:${index + 1}: ${what}`, { cause })
    }
  })
  if (records.length === 0)
    throw new SyntaxError(`Cannot read request records ${path}: it must have at least one record`)
  const sorted = records.toSorted((a, b) => a.arrivedAt - b.arrivedAt)
  const firstAt = sorted[0]!.arrivedAt
  return sorted.map(({ arrivedAt, input }) => ({ atMs: arrivedAt - firstAt, bytes: input.bytes }))
}
