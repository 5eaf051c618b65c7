import { readdir, readFile } from 'node:fs/promises'

/** Milliseconds of processor that each kind of thread of a process has had. */
export interface ThreadTimes {
  readonly main: number
  /** Of the engine; 0 where the process has none. */
  readonly inference: number
  /** All others: libuv's and libvips' pools, V8's helpers. */
  readonly pool: number
}

/**
 * Reads the scheduler's counts of a process's threads (Linux, /proc/PID/task/TID/schedstat). Threads of Node have no names
 * of their own: the inference thread is told by having worked most beside the main one, as it has loaded a model.
 */
export class ThreadClock {
  private readonly pid: number
  private readonly hasEngine: boolean
  private inference: string | undefined
  /** By thread, also of threads that have ended: what they had is not lost. */
  private readonly times = new Map<string, number>()

  constructor(pid: number, hasEngine: boolean) {
    this.pid = pid
    this.hasEngine = hasEngine
  }

  /** @throws {Error} where there is no /proc, or the process is gone. */
  async read(): Promise<ThreadTimes> {
    await this.look()
    const main = this.times.get(String(this.pid)) ?? 0
    const others = [...this.times].filter(([thread]) => thread !== String(this.pid))
    if (this.hasEngine) this.inference ??= others.toSorted((a, b) => b[1] - a[1])[0]?.[0]
    const inference = this.times.get(this.inference ?? '') ?? 0
    const all = others.reduce((sum, [, ms]) => sum + ms, 0)
    return { main, inference, pool: all - inference }
  }

  private async look(): Promise<void> {
    const tasks = `/proc/${this.pid}/task`
    const threads = await readdir(tasks)
    await Promise.all(
      threads.map(async (thread) => {
        const counts = await readFile(`${tasks}/${thread}/schedstat`, 'utf8').catch(
          (error: NodeJS.ErrnoException) => {
            // It ended after it was listed.
            if (error.code === 'ENOENT' || error.code === 'ESRCH') return undefined
            throw error
          },
        )
        if (counts !== undefined) this.times.set(thread, Number(counts.split(' ')[0]) / 1e6)
      }),
    )
  }
}

export function timesBetween(from: ThreadTimes, to: ThreadTimes): ThreadTimes {
  return { main: to.main - from.main, inference: to.inference - from.inference, pool: to.pool - from.pool }
}
