/** Probabilities are multiples of 2^-12: what a static coder loses to rounding is below 0.1 % at these alphabets. */
export const probabilityBits = 12
const total = 1 << probabilityBits

/**
 * Models for the coder in `rans.ts`: `tables` tables over the same `symbols` symbols, 2 to 256. Table t gives symbol s
 * the probability frequency / 4096, never 0: `entries[t * symbols + s]` holds the frequency in its upper 16 bits and
 * the sum of those before in its lower ones, one load for both. `slots` names the symbol of each of a table's 4096
 * slots.
 */
export interface FrequencyTables {
  readonly symbols: number
  readonly entries: Uint32Array<ArrayBuffer>
  readonly slots: Uint8Array<ArrayBuffer>
}

/**
 * Tables in proportion to `weights` (whole numbers, `symbols` to a table, at least one of each above 0). Whole numbers
 * and one correctly rounded division: both ends get the same tables on every machine. O(weights + 4096 x tables).
 */
export function frequencyTables(weights: ArrayLike<number>, symbols: number): FrequencyTables {
  const made = {
    symbols,
    entries: new Uint32Array(weights.length),
    slots: new Uint8Array((weights.length / symbols) * total),
  }
  updateTables(made, weights)
  return made
}

/** As {@link frequencyTables}, in place. */
export function updateTables(tables: FrequencyTables, weights: ArrayLike<number>): void {
  const { symbols, entries, slots } = tables
  let slot = 0
  for (let from = 0; from < weights.length; from += symbols) {
    let sum = 0
    for (let s = from; s < from + symbols; s++) sum += weights[s]!
    let left = total
    let largest = from
    for (let s = from; s < from + symbols; s++) {
      // 1 for every symbol: anything can be coded, and no frequency reaches 4096, which keeps states below 2^31.
      const share = 1 + Math.floor((weights[s]! * (total - symbols)) / sum)
      entries[s] = share
      left -= share
      if (share > entries[largest]!) largest = s
    }
    entries[largest] = entries[largest]! + left
    let start = 0
    for (let s = from; s < from + symbols; s++) {
      const frequency = entries[s]!
      entries[s] = (frequency << 16) | start
      slots.fill(s - from, slot, slot + frequency)
      start += frequency
      slot += frequency
    }
  }
}
