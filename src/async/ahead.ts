/**
 * What `make` resolves with for each item, in their order, while it is at work on up to `depth` further ones. Where one fails the
 * others are left to end by themselves.
 */
export async function* ahead<Item, Made>(
  items: Iterable<Item>,
  depth: number,
  make: (item: Item, index: number) => Promise<Made>,
): AsyncGenerator<Made> {
  const started: Promise<Made>[] = []
  let index = 0
  for (const item of items) {
    const made = make(item, index++)
    // It is awaited in its turn; until then its failure is nobody's.
    made.catch(() => {})
    started.push(made)
    if (started.length > depth) yield await started.shift()!
  }
  for (const made of started) yield await made
}
