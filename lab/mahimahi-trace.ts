import { readFile } from 'node:fs/promises'

/** Bytes that one line of a mahimahi trace lets cross. */
export const bytesPerOpportunity = 1500

/**
 * One direction's capacity as mahimahi records it: at each of these milliseconds one packet of up to 1500 bytes
 * may cross, and capacity not used then is lost. The trace repeats with the period of its last entry.
 * Source: Winstein, Sivaraman and Balakrishnan, NSDI 2013; Netravali et al., USENIX ATC 2015.
 */
export interface MahimahiTrace {
  /** Never falling, at least one, the last one above 0. */
  readonly opportunitiesMs: readonly number[]
}

/**
 * Parses the text of a trace: one integer a line, none smaller than the one before.
 * @param file named in errors only
 * @throws {SyntaxError} with file and line
 */
export function parseMahimahiTrace(text: string, file: string): MahimahiTrace {
  const lines = text.split('\n')
  if (lines.at(-1) === '') lines.pop()
  const opportunitiesMs: number[] = []
  let previous = 0
  for (const [index, line] of lines.entries()) {
    const trimmed = line.trimEnd()
    const value = /^\d{1,15}$/.test(trimmed) ? Number(trimmed) : Number.NaN
    if (!(value >= previous))
      throw new SyntaxError(
        `Cannot parse mahimahi trace ${file}: line ${index + 1} must be an integer >= previous, current value is '${trimmed}'`,
      )
    opportunitiesMs.push(value)
    previous = value
  }
  if (previous === 0)
    throw new SyntaxError(
      `Cannot parse mahimahi trace ${file}: last line must be an integer > 0, current value is '${lines.at(-1) ?? ''}'`,
    )
  return { opportunitiesMs }
}

/** @throws {SyntaxError} where the file is not a trace */
export async function readMahimahiTrace(path: string): Promise<MahimahiTrace> {
  return parseMahimahiTrace(await readFile(path, 'utf8'), path)
}
