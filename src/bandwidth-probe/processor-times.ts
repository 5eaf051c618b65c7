import { readFile } from 'node:fs/promises'
import { cpus } from 'node:os'

/** Ticks since the machine started, of all its cores together. */
export interface ProcessorTimes {
  readonly busy: number
  readonly total: number
}

/**
 * The first line of Linux's /proc/stat (proc(5)), read without blocking; elsewhere what Node tells, which asks each core.
 * @throws where neither says anything.
 */
export async function readProcessorTimes(): Promise<ProcessorTimes> {
  const text = await readFile('/proc/stat', 'utf8').catch(() => undefined)
  return text === undefined ? timesOfCores() : parseProcStat(text)
}

/** @throws {RangeError} for what is no /proc/stat. */
export function parseProcStat(text: string): ProcessorTimes {
  const match = /^cpu +(\d[\d ]*)$/m.exec(text)
  // user, nice, system, idle, iowait, irq, softirq, steal; guests' are in user and nice already.
  const ticks = match?.[1]!.trim().split(/ +/).slice(0, 8).map(Number) ?? []
  if (ticks.length < 4) throw new RangeError('Cannot read processor times: /proc/stat must begin with cpu')
  const total = ticks.reduce((sum, each) => sum + each, 0)
  return { busy: total - ticks[3]! - (ticks[4] ?? 0), total }
}

function timesOfCores(): ProcessorTimes {
  let [busy, total] = [0, 0]
  for (const { times } of cpus()) {
    const working = times.user + times.nice + times.sys + times.irq
    busy += working
    total += working + times.idle
  }
  return { busy, total }
}
