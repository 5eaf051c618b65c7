/**
 * Whose a call is that a thread was handed before its turn: its giver may take it back until the thread begins with it.
 * In shared memory, because a thread that computes reads no messages.
 */
export type Claim = Int32Array<SharedArrayBuffer>

export function newClaim(): Claim {
  return new Int32Array(new SharedArrayBuffer(4))
}

/** @returns whether nobody was first: the thread may begin with the call, or its giver has it back. */
export function take(claim: Claim): boolean {
  return Atomics.compareExchange(claim, 0, 0, 1) === 0
}
