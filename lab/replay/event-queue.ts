/** Events in order of time, those of one moment in the order they came: a binary heap, O(log n) a step. */
export class EventQueue<Event> {
  private readonly heap: { readonly atMs: number; readonly order: number; readonly event: Event }[] = []
  private pushed = 0

  /** Of the next event; Infinity where there is none. */
  get nextMs(): number {
    return this.heap[0]?.atMs ?? Number.POSITIVE_INFINITY
  }

  push(atMs: number, event: Event): void {
    const { heap } = this
    const entry = { atMs, order: this.pushed++, event }
    let at = heap.length
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!isBefore(entry, heap[parent]!)) break
      heap[at] = heap[parent]!
      at = parent
    }
    heap[at] = entry
  }

  /** Undefined where nothing is left. */
  pop(): { readonly atMs: number; readonly event: Event } | undefined {
    const { heap } = this
    const first = heap[0]
    const last = heap.pop()
    if (first === undefined || last === undefined || heap.length === 0) return first
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++
      if (child >= heap.length || !isBefore(heap[child]!, last)) break
      heap[at] = heap[child]!
      at = child
    }
    heap[at] = last
    return first
  }
}

function isBefore(a: { atMs: number; order: number }, b: { atMs: number; order: number }): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order)
}
