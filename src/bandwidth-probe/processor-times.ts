import { readFile } from 'node:fs/promises'

/** Ticks since the machine started, of all its cores together. */
export interface ProcessorTimes {
  readonly busy: number
  readonly total: number
}

/** Of Linux's /proc/stat (proc(5)), read without blocking; undefined where there is none. */
export async function readProcessorTimes(): Promise<ProcessorTimes | undefined> {
  const text = await readFile('/proc/stat', 'utf8').catch(() => undefined)
  return text === undefined ? undefined : parseProcStat(text)
}

/**
 * Reads the first line of it.
 * @throws {RangeError} for what is no /proc/stat.
 */
export function parseProcStat(text: string): ProcessorTimes {
  const match = /^cpu +(\d[\d ]*)$/m.exec(text)
  // user, nice, system, idle, iowait, irq, softirq, steal; guests' are in user and nice already.
  const ticks = match?.[1]!.trim().split(/ +/).slice(0, 8).map(Number) ?? []
  if (ticks.length < 4) throw new RangeError('Cannot read processor times: /proc/stat must begin with cpu')
  const total = ticks.reduce((sum, each) => sum + each, 0)
  return { busy: total - ticks[3]! - (ticks[4] ?? 0), total }
}
