export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

/** One event to whoever runs the process; never on standard output, which belongs to results. */
export type Log = (level: LogLevel, message: string, fields?: Readonly<Record<string, unknown>>) => void

/** Writes events from `info` up to standard error, one line each: time, speaker, level, message, fields as JSON. */
export function stderrLog(speaker: string): Log {
  return (level, message, fields) => {
    if (level === 'debug') return
    const text = fields === undefined ? '' : ` ${JSON.stringify(fields, errorsAsText)}`
    process.stderr.write(`${new Date().toISOString()} ${speaker} ${level} ${message}${text}\n`)
  }
}

function errorsAsText(_key: string, value: unknown): unknown {
  return value instanceof Error ? value.message : value
}
