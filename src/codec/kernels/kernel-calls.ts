/** A product of matrices in {@link Kernels.memory}: C = A B. All places and strides are bytes, multiples of 4. */
export interface Product {
  /** Element (i, x) lies at `at + i row + x column`. */
  readonly a: { readonly at: number; readonly row: number; readonly column: number }
  /** Columns lie in panels of eight: row x of panel p begins at `at + x row + p panel`. */
  readonly b: { readonly at: number; readonly row: number; readonly panel: number }
  /** Row i of panel p begins at `at + i row + 32 p`. */
  readonly c: { readonly at: number; readonly row: number }
  readonly rows: number
  readonly panels: number
  readonly length: number
}

/** A product of matrices of which the first is mostly 0. All three lie row by row, those of `b` and `c` in whole panels of eight. */
export interface SparseProduct {
  readonly a: { readonly at: number; readonly row: number }
  readonly b: { readonly at: number; readonly row: number }
  readonly c: { readonly at: number; readonly row: number }
  readonly rows: number
  readonly panels: number
  readonly length: number
  /** Written: 8 bytes for each value of `a` that is not 0, and 8 more. */
  readonly list: number
  /** Written: 4 bytes a row. */
  readonly counts: number
}

/** Rows of whole panels of eight, changed in place. */
export interface ScaledRows {
  readonly at: number
  readonly rows: number
  readonly panels: number
  /** Of each row. */
  readonly offsets: number
  /** Of each column. */
  readonly factors: number
}

/**
 * Arrays in {@link Kernels.memory} of `count` entries each but for the coefficients. Places are bytes. There is room for
 * whole fours; what fills the last has inverse 0.
 */
export interface QuantiserArrays {
  readonly coefficients: number
  /** Bytes from there to each that is sent, unsigned. */
  readonly places: number
  /** 2 / step of each, or 1 / step where each is rounded by itself. */
  readonly inverse: number
  /** Written: the codes, see `trellis.ts`. */
  readonly codes: number
  readonly count: number
}

export interface TrellisArrays extends QuantiserArrays {
  /** Twice the model of each, a byte. */
  readonly contexts: number
  /** Written: the context and the quantiser, a byte. */
  readonly tables: number
  /** Written: twice the value in steps. */
  readonly halves: number
  /** Written, a byte each. */
  readonly decisions: number
  /** Written, 4096 bytes. */
  readonly errors: number
}

export interface WrittenCodes {
  readonly codes: number
  /** A byte each: its table of `entries`. */
  readonly tables: number
  /** A byte each: lower bits that go raw. */
  readonly shifts: number
  /** `FrequencyTables.entries` of 32 symbols. */
  readonly entries: number
  readonly count: number
  /** Where the stream ends: it is written backwards, with at most 12 bits a code, 8 bytes and 2 to spare. */
  readonly end: number
  /** Written: the number of raw values (4 bytes), then `bits << 16 | value` for each, the last code's first. */
  readonly raw: number
}

export interface ReadCodes {
  /** The stream, its two states first, each of which must be in its range. */
  readonly at: number
  readonly end: number
  /** Raw bits lie from `end` to here, and 4 bytes more that are not looked at. */
  readonly rawEnd: number
  /** Two bytes for each eighth of a model's 4096 slots: its symbols in quantiser 0 and 1. */
  readonly firsts: number
  readonly entries: number
  readonly contexts: number
  readonly shifts: number
  readonly steps: number
  readonly places: number
  /** Written at `places`: what the codes stand for. */
  readonly coefficients: number
  readonly count: number
  /** Whether two quantisers take turns. */
  readonly trellis: boolean
}

/** What the codec computes with, on memory of its own: whoever writes there keeps the places apart. */
export interface Kernels {
  readonly memory: ArrayBuffer
  multiply(product: Product): void
  combine(product: SparseProduct): void
  /** Each value less its row's offset, times its column's factor. */
  centre(rows: ScaledRows): void
  /** Each value times its column's factor, plus its row's offset. */
  restore(rows: ScaledRows): void
  /** Returns the largest magnitude of the halves, NaN where one was. */
  trellis(arrays: TrellisArrays): number
  /** Rounds each by itself. Returns the largest magnitude in steps, NaN where one was. */
  round(arrays: QuantiserArrays): number
  /** Returns where the stream begins. */
  writeCodes(arrays: WrittenCodes): number
  /** Returns one of `readOutcome`. */
  readCodes(arrays: ReadCodes): number
}
