import type { Log } from './log.ts'

const periodMs = 60_000
/** Of one wording in a period: each model or engine may have its own reason. */
const mostLines = 5

/**
 * A few warnings and errors of one wording a minute, the next with how many were left out: a fault of every request
 * would fill an SD card. Everything else passes.
 * @param now Monotonic milliseconds.
 */
export function countRepeats(log: Log, now: () => number): Log {
  // As many as there are wordings in this program.
  const periods = new Map<string, { readonly beginMs: number; lines: number }>()
  return (level, message, fields) => {
    if (level !== 'warn' && level !== 'error') return log(level, message, fields)
    const before = periods.get(message)
    if (before !== undefined && now() - before.beginMs < periodMs) {
      before.lines++
      if (before.lines <= mostLines) log(level, message, fields)
      return
    }
    periods.set(message, { beginMs: now(), lines: 1 })
    const leftOut = Math.max(0, (before?.lines ?? 0) - mostLines)
    log(level, message, leftOut === 0 ? fields : { ...fields, leftOut })
  }
}
