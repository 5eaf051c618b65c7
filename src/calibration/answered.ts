import { ahead } from '../async/ahead.ts'
import type { TensorValue } from '../tensor/tensor-value.ts'
import type { RunAll } from './run-together.ts'

/** Requests that are made and computed at a time, and groups of them that are made while others are computed. */
const groupSize = 16
const groupsAhead = 2

/** What a request is made of, and what it gave. */
export interface Answered<Made> {
  readonly made: Made
  readonly outputs: readonly TensorValue[]
}

/** Makes a request of each item and runs it, in their order, making the next ones while the engine is at work. */
export async function* answered<Item, Made extends { readonly request: readonly TensorValue[] }>(
  items: readonly Item[],
  make: (item: Item, index: number) => Made | Promise<Made>,
  run: RunAll,
): AsyncGenerator<Answered<Made>> {
  const groups: { first: number; items: readonly Item[] }[] = []
  for (let first = 0; first < items.length; first += groupSize)
    groups.push({ first, items: items.slice(first, first + groupSize) })
  const computed = ahead(groups, groupsAhead, async (group) => {
    const all = await Promise.all(group.items.map(async (item, i) => make(item, group.first + i)))
    const outputs = await run(all.map(({ request }) => request))
    return all.map((made, i) => ({ made, outputs: outputs[i]! }))
  })
  for await (const group of computed) yield* group
}
