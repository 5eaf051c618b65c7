import type { Log } from '../src/telemetry/log.ts'

/**
 * Says what a reload has done.
 * @param changed Keys that differ from what was read last.
 * @param swappable Keys, or the first parts of them, that hold from now on; all others wait for a restart.
 */
export function tellReload(log: Log, changed: readonly string[], swappable: readonly string[]): void {
  const isSwapped = (key: string) => swappable.includes(key) || swappable.includes(key.split('.')[0]!)
  const swapped = changed.filter(isSwapped)
  const waiting = changed.filter((key) => !isSwapped(key))
  if (changed.length === 0) log('info', 'reloaded: the configuration is as it was')
  if (swapped.length > 0) log('info', 'reloaded', { changed: swapped })
  if (waiting.length > 0) log('warn', 'these keys wait for a restart', { keys: waiting })
}
