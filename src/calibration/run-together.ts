import { splitValues, stackValues } from '../executor/batch.ts'
import type { Executable } from '../executor/engine.ts'
import type { TensorValue } from '../tensor/tensor-value.ts'

/** Outputs of each request, in their order. */
export type RunAll = (requests: readonly (readonly TensorValue[])[]) => Promise<TensorValue[][]>

/** More together gain nothing: maps and weights no longer share the cache. */
const together = 8
/** Another order of additions. */
const tolerance = 1e-4
const repeats = 3

/**
 * Runs requests several together where the model computes several in one call as it computes each, and faster: a file may fix the
 * batch axis, compute over it, or reshape it away.
 * @param examples Requests to find out by.
 */
export async function runTogether(
  executable: Executable,
  examples: readonly (readonly TensorValue[])[],
  now = () => performance.now(),
): Promise<RunAll> {
  const singly: RunAll = (requests) => Promise.all(requests.map((request) => executable.run(request)))
  const inBatches: RunAll = async (requests) => {
    const batches: (typeof requests)[] = []
    for (let from = 0; from < requests.length; from += together)
      batches.push(requests.slice(from, from + together))
    const results = batches.map(async (batch) => {
      const outputs = await executable.run(stackValues(batch))
      const sizes = batch.map(() => 1)
      return splitValues(outputs, sizes)
    })
    return (await Promise.all(results)).flat()
  }
  // Several batches, as some engines compute more than one at a time.
  const some = examples.slice(0, 2 * together)
  const single = await singly(some)
  const batched = await inBatches(some).catch(() => undefined)
  if (batched === undefined || !single.every((values, i) => agree(values, batched[i]!))) return singly
  const least = { singlyMs: Infinity, togetherMs: Infinity }
  for (let i = 0; i < repeats; i++) {
    least.singlyMs = Math.min(least.singlyMs, await msOf(now, () => singly(some)))
    least.togetherMs = Math.min(least.togetherMs, await msOf(now, () => inBatches(some)))
  }
  return least.togetherMs < least.singlyMs ? inBatches : singly
}

async function msOf(now: () => number, run: () => Promise<unknown>): Promise<number> {
  const beginMs = now()
  await run()
  return now() - beginMs
}

function agree(values: readonly TensorValue[], others: readonly TensorValue[]): boolean {
  return values.every(({ shape, data }, t) => {
    const other = others[t]!
    if (other.shape.join() !== shape.join()) return false
    let largest = 0
    let difference = 0
    for (let i = 0; i < data.length; i++) {
      largest = Math.max(largest, Math.abs(data[i]!))
      difference = Math.max(difference, Math.abs(data[i]! - other.data[i]!))
    }
    return difference <= tolerance * largest
  })
}
