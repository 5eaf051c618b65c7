/**
 * Engine time that plans have taken into account and the engine's queue does not know yet, because the input is still
 * being read. A promise is kept by queueing the work, or by the end of the request, whichever is first.
 */
export class PromisedWork {
  private readonly promises = new Set<{ readonly ms: number }>()

  /** @returns how to take it back; safe to repeat. */
  promise(ms: number): () => void {
    const promised = { ms }
    this.promises.add(promised)
    return () => this.promises.delete(promised)
  }

  get totalMs(): number {
    let sum = 0
    for (const { ms } of this.promises) sum += ms
    return sum
  }
}
