import type { Engine } from './engine.ts'
import type { Pointer } from './xnnpack/foreign-functions.ts'
import { loadXnnpack, requireRounding } from './xnnpack/library.ts'
import { compileXnnpackSegment } from './xnnpack/segment-executable.ts'

/** Pools of threads by their number: one for all runtimes, because threads that wait spin. They end with the process. */
const pools = new Map<number, Pointer>()

/**
 * Debian's XNNPACK, made for ARM. Layers models only. A run blocks the calling thread.
 * @throws {Error} naming Debian's packages where it is not installed.
 */
export function xnnpackEngine(): Engine {
  const xnn = loadXnnpack()
  const poolOf = (threads: number): Pointer | null => {
    if (threads === 1) return null
    const pool = pools.get(threads) ?? xnn.createThreadPool(threads)
    pools.set(threads, pool)
    return pool
  }
  return {
    name: 'xnnpack',
    compile: async (model, segment, { threads, precision = 'float32' }) => {
      if (precision !== 'float32') requireRounding(xnn, precision)
      return compileXnnpackSegment(xnn, model, segment, { threadPool: poolOf(threads), precision })
    },
  }
}
