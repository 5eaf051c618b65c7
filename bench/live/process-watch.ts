import { readdir, readFile } from 'node:fs/promises'
import { median } from 'simple-statistics'

/** Of a process: medians of the second and of the last quarter of what was seen, and the most. */
export interface Footprint {
  readonly name: string
  readonly memoryMb: Course
  readonly descriptors: Course
}

export interface Course {
  readonly early: number
  readonly late: number
  readonly most: number
}

const everyMs = 1000
const leastSamples = 4

/** Looks once a second at the resident memory and the descriptors of processes (Linux, /proc). */
export class ProcessWatch {
  private readonly pids: Readonly<Record<string, number>>
  private readonly samples: { readonly memoryMb: number[]; readonly descriptors: number[] }[]
  private readonly timer: NodeJS.Timeout

  /** @param pids by a name to tell them by. */
  constructor(pids: Readonly<Record<string, number>>) {
    this.pids = pids
    this.samples = Object.values(pids).map(() => ({ memoryMb: [], descriptors: [] }))
    this.timer = setInterval(() => void this.look(), everyMs)
  }

  /** Looks no more. @returns nothing where there is no /proc, or too little was seen. */
  stop(): Footprint[] {
    clearInterval(this.timer)
    return Object.keys(this.pids).flatMap((name, i) => {
      const { memoryMb, descriptors } = this.samples[i]!
      if (descriptors.length < leastSamples) return []
      return [{ name, memoryMb: courseOf(memoryMb), descriptors: courseOf(descriptors) }]
    })
  }

  private async look(): Promise<void> {
    for (const [i, pid] of Object.values(this.pids).entries()) {
      try {
        const [status, descriptors] = await Promise.all([
          readFile(`/proc/${pid}/status`, 'utf8'),
          readdir(`/proc/${pid}/fd`),
        ])
        this.samples[i]!.memoryMb.push(Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]) / 1024)
        this.samples[i]!.descriptors.push(descriptors.length)
      } catch {
        // No /proc, or the process is gone, which is told elsewhere.
      }
    }
  }
}

function courseOf(samples: readonly number[]): Course {
  const quarter = Math.floor(samples.length / 4)
  return {
    early: median(samples.slice(quarter, 2 * quarter)),
    late: median(samples.slice(-quarter)),
    most: Math.max(...samples),
  }
}
