/**
 * What plans have taken into account and no queue knows of yet: engine time of inputs that are still being read, bytes
 * of heads that are not done. A promise is kept by queueing the work, or by the end of the request, whichever is first.
 */
export class PromisedWork {
  private readonly promises = new Set<{ readonly amount: number }>()

  /** @returns how to take it back; safe to repeat. */
  promise(amount: number): () => void {
    const promised = { amount }
    this.promises.add(promised)
    return () => this.promises.delete(promised)
  }

  get total(): number {
    let sum = 0
    for (const { amount } of this.promises) sum += amount
    return sum
  }
}
