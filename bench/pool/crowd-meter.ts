import { readFile } from 'node:fs/promises'
import type { SurgeonProcess } from '../../lab/surgeon-process.ts'
import { ThreadClock, type ThreadTimes, timesBetween } from '../requests/thread-times.ts'

export interface CrowdCost {
  /** Resident memory of the workers together, before and after. */
  readonly memoryMb: readonly [before: number, after: number]
  /** Milliseconds of processor a request, by the workers' threads. */
  readonly workerMs: ThreadTimes
  /** Of this process, which is all agents. */
  readonly agentMs: number
}

interface Reading {
  readonly mb: number
  readonly workers: ThreadTimes
  readonly own: NodeJS.CpuUsage
}

/** What the workers, and the agents in this process, have needed since it was made. */
export class CrowdMeter {
  private readonly workers: readonly SurgeonProcess[]
  private readonly clocks: readonly ThreadClock[]
  private readonly before: Reading

  private constructor(workers: readonly SurgeonProcess[], clocks: readonly ThreadClock[], before: Reading) {
    this.workers = workers
    this.clocks = clocks
    this.before = before
  }

  /** Undefined where there is no /proc. */
  static async begin(workers: readonly SurgeonProcess[]): Promise<CrowdMeter | undefined> {
    const clocks = workers.map(({ pid }) => new ThreadClock(pid, true))
    try {
      const before = { mb: await residentMb(workers), workers: await sumOf(clocks), own: process.cpuUsage() }
      return new CrowdMeter(workers, clocks, before)
    } catch {
      return undefined
    }
  }

  async cost(requests: number): Promise<CrowdCost> {
    const { mb, workers, own } = this.before
    const { user, system } = process.cpuUsage(own)
    const { main, inference, pool } = timesBetween(workers, await sumOf(this.clocks))
    return {
      memoryMb: [mb, await residentMb(this.workers)],
      workerMs: { main: main / requests, inference: inference / requests, pool: pool / requests },
      agentMs: (user + system) / 1000 / requests,
    }
  }
}

async function sumOf(clocks: readonly ThreadClock[]): Promise<ThreadTimes> {
  const times = await Promise.all(clocks.map((clock) => clock.read()))
  const sum = (kind: keyof ThreadTimes) => times.reduce((ms, each) => ms + each[kind], 0)
  return { main: sum('main'), inference: sum('inference'), pool: sum('pool') }
}

/** @throws {Error} where there is no /proc. */
async function residentMb(workers: readonly SurgeonProcess[]): Promise<number> {
  const sizes = await Promise.all(
    workers.map(async ({ pid }) => {
      const status = await readFile(`/proc/${pid}/status`, 'utf8')
      return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]) / 1024
    }),
  )
  return Math.round(sizes.reduce((sum, mb) => sum + mb, 0))
}
