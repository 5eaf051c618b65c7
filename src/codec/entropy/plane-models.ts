import { type FrequencyTables, frequencyTables, updateTables } from './frequency-tables.ts'

/** Weight of one observation against the first guess's. */
const observation = 24
const firstCheckpoint = 96
/** Models are made anew each time a fifth more has been seen, and are final after so many symbols. */
const growthShift = 2
const lastCheckpoint = 1 << 16

/** Per half step from the centre, in 256ths, for 2, 3, 4 and 5 bits: typical of quantised maps. */
const decay = [110, 144, 181, 211]

/**
 * Models that both ends learn alike from what has been coded: one for each sum of the two neighbours' symbols, which
 * tells where the symbol will lie and how sure that is. They begin as two-sided exponentials about the neighbours' mean.
 */
export class PlaneModels {
  readonly tables: FrequencyTables
  /** Symbols that have been coded when the models are next made; infinite once they are final. */
  checkpoint = firstCheckpoint
  readonly counts: Uint32Array<ArrayBuffer>

  constructor(bits: number) {
    const symbols = 1 << bits
    const sums = 2 * symbols - 1
    this.counts = new Uint32Array(sums * symbols)
    for (let sum = 0; sum < sums; sum++) {
      for (let symbol = 0; symbol < symbols; symbol++) {
        let weight = 64
        for (let half = Math.abs(2 * symbol - sum); half > 0 && weight > 1; half--)
          weight = (weight * decay[bits - 2]!) >> 8
        this.counts[sum * symbols + symbol] = Math.max(1, weight)
      }
    }
    this.tables = frequencyTables(this.counts, symbols)
  }

  /** To be called for every symbol up to the last checkpoint. */
  observe(entry: number): void {
    this.counts[entry]! += observation
  }

  /** To be called when `coded` symbols, the current checkpoint, have been coded. */
  learn(coded: number): void {
    updateTables(this.tables, this.counts)
    const next = coded + (coded >> growthShift)
    this.checkpoint = coded >= lastCheckpoint ? Infinity : Math.min(next, lastCheckpoint)
  }
}
