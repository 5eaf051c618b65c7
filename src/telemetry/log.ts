/** From the least to the most urgent. */
export const logLevels = ['debug', 'info', 'warn', 'error'] as const
export type LogLevel = (typeof logLevels)[number]

/** One event to whoever runs the process; never on standard output, which belongs to results. */
export type Log = (level: LogLevel, message: string, fields?: Readonly<Record<string, unknown>>) => void
