import { readFile } from 'node:fs/promises'
import type { Capacity, RateSteps } from '../link-capacity.ts'
import { parseMahimahiTrace } from '../mahimahi-trace.ts'

/** What one direction of a link can carry, and how long that was recorded. */
export interface LinkTrace {
  readonly name: string
  readonly capacity: Capacity
  /** Undefined where it is constant. */
  readonly lengthMs: number | undefined
}

/**
 * A trace of mahimahi (one millisecond a line), rows of `seconds,mbps`, or a number of Mbps that never changes.
 * @throws {SyntaxError} naming the file and the line that is wrong.
 */
export async function readLinkTrace(trace: string): Promise<LinkTrace> {
  const mbps = trace.trim() === '' ? Number.NaN : Number(trace)
  if (mbps >= 0 && mbps < Infinity) return { name: `${mbps} Mbps`, capacity: 1e6 * mbps, lengthMs: undefined }
  const text = await readFile(trace, 'utf8').catch((cause: Error) => {
    throw new SyntaxError(`Cannot read trace ${trace}: it must be a file or Mbps (${cause.message})`, {
      cause,
    })
  })
  const name = trace.split('/').at(-1)!
  if (text.includes(',')) {
    const capacity = parseRateSteps(text, trace)
    return { name, capacity, lengthMs: capacity.steps.at(-1)!.fromMs }
  }
  const capacity = parseMahimahiTrace(text, trace)
  return { name, capacity, lengthMs: capacity.opportunitiesMs.at(-1)! }
}

/**
 * Rows of `seconds,mbps`: from that second on the link carries so much; before the first row as much as from it on, after
 * the last row as much as that says. One row of names may stand in front.
 * @param file named in errors only
 * @throws {SyntaxError} with file and line
 */
export function parseRateSteps(text: string, file: string): RateSteps {
  const steps: { fromMs: number; bps: number }[] = []
  const lines = text.split('\n')
  if (lines.at(-1) === '') lines.pop()
  let before = -Infinity
  for (const [index, line] of lines.entries()) {
    const cells = line.trim().split(',')
    if (index === 0 && cells.every((cell) => /^\s*"?[a-z]/i.test(cell))) continue
    const [seconds, mbps] = cells.map((cell) => (cell.trim() === '' ? Number.NaN : Number(cell)))
    const isRow = cells.length === 2 && seconds! >= 0 && seconds! < Infinity && mbps! >= 0 && mbps! < Infinity
    if (!isRow || seconds! <= before)
      throw new SyntaxError(
        `Cannot parse trace ${file}: line ${index + 1} must be seconds,mbps, both at least 0 and seconds above ${Math.max(0, before)}, current value is '${line.trim()}'`,
      )
    before = seconds!
    steps.push({ fromMs: steps.length === 0 ? 0 : 1000 * seconds!, bps: 1e6 * mbps! })
  }
  if (steps.length === 0)
    throw new SyntaxError(`Cannot parse trace ${file}: it must have at least one row of seconds,mbps`)
  return { steps }
}
