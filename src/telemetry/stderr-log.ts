import { countRepeats } from './count-repeats.ts'
import type { Log } from './log.ts'

/** Writes events from `info` up to standard error, one line each: time, speaker, level, message, fields as JSON. */
export function stderrLog(speaker: string): Log {
  // A reader that has gone, or a full disk, costs the line and not the service.
  if (!process.stderr.listeners('error').includes(loseLine)) process.stderr.on('error', loseLine)
  const write: Log = (level, message, fields) => {
    if (level === 'debug') return
    const text = fields === undefined ? '' : ` ${JSON.stringify(fields, errorsAsText)}`
    process.stderr.write(`${new Date().toISOString()} ${speaker} ${level} ${message}${text}\n`)
  }
  return countRepeats(write, () => performance.now())
}

function loseLine(): void {
  // Whatever there is to say cannot be said.
}

function errorsAsText(_key: string, value: unknown): unknown {
  return value instanceof Error ? value.message : value
}
