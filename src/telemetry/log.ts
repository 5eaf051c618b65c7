export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

/** One event to whoever runs the process; never on standard output, which belongs to results. */
export type Log = (level: LogLevel, message: string, fields?: Readonly<Record<string, unknown>>) => void
