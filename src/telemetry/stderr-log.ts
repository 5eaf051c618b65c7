import { countRepeats } from './count-repeats.ts'
import { type Log, type LogLevel, logLevels } from './log.ts'

/** sd-daemon(3): what a line begins with for journald, which adds the time itself. */
const journalPriorities: Readonly<Record<LogLevel, string>> = {
  debug: '<7>',
  info: '<6>',
  warn: '<4>',
  error: '<3>',
}

/**
 * Writes events of `least` and above, which may change, to standard error, one line each: time, speaker, level, message, fields as JSON; for
 * journald with its priority instead of time and level.
 */
export function stderrLog(speaker: string, least: LogLevel | (() => LogLevel) = 'info'): Log {
  // A reader that has gone, or a full disk, costs the line and not the service.
  if (!process.stderr.listeners('error').includes(loseLine)) process.stderr.on('error', loseLine)
  const isJournal = process.env['JOURNAL_STREAM'] !== undefined && !process.stderr.isTTY
  const write: Log = (level, message, fields) => {
    const now = typeof least === 'string' ? least : least()
    if (logLevels.indexOf(level) < logLevels.indexOf(now)) return
    const text = fields === undefined ? '' : ` ${JSON.stringify(fields, errorsAsText)}`
    const begin = isJournal ? journalPriorities[level] : `${new Date().toISOString()} ${speaker} ${level} `
    process.stderr.write(`${begin}${message}${text}\n`)
  }
  return countRepeats(write, () => performance.now())
}

function loseLine(): void {
  // Whatever there is to say cannot be said.
}

function errorsAsText(_key: string, value: unknown): unknown {
  return value instanceof Error ? value.message : value
}
