import { setTimeout as delay } from 'node:timers/promises'
import type { LinkEmulator, LinkSettings } from './link-emulator.ts'

/** What the link becomes, `atMs` after the schedule was started. */
export interface LinkStep extends LinkSettings {
  readonly atMs: number
}

export interface LinkScheduleOptions {
  /** Ends the schedule where it is; the link stays as it was set last. */
  readonly signal?: AbortSignal
  /** Monotonic milliseconds. */
  readonly clock?: () => number
  /** Resolves `ms` later, rejects when the signal aborts. */
  readonly wait?: (ms: number, signal: AbortSignal | undefined) => Promise<unknown>
}

/** @throws {RangeError} where the steps are not in the order of their time */
function checkLinkSchedule(steps: readonly LinkStep[]): void {
  let previousMs = 0
  for (const [index, { atMs }] of steps.entries()) {
    if (!(atMs >= previousMs && atMs < Number.POSITIVE_INFINITY))
      throw new RangeError(
        `Cannot run the link schedule: atMs of step ${index + 1} must be >= ${previousMs}, current value is ${atMs}`,
      )
    previousMs = atMs
  }
}

/**
 * Applies each step at its time, counted from the call so that no lateness adds up.
 * Resolves with the number of steps applied, after the last one or when the signal aborts.
 * @throws {RangeError} before the first step where the schedule is not in order
 */
export async function runLinkSchedule(
  emulator: Pick<LinkEmulator, 'set'>,
  steps: readonly LinkStep[],
  options: LinkScheduleOptions = {},
): Promise<number> {
  const {
    signal,
    clock = () => performance.now(),
    wait = (ms, signal) => delay(ms, undefined, { signal }),
  } = options
  checkLinkSchedule(steps)
  const startMs = clock()
  let applied = 0
  for (const { atMs, ...settings } of steps) {
    const waitMs = startMs + atMs - clock()
    if (waitMs > 0) {
      try {
        await wait(waitMs, signal)
      } catch (error) {
        if (signal?.aborted) return applied
        throw error
      }
    }
    if (signal?.aborted) return applied
    emulator.set(settings)
    applied++
  }
  return applied
}
