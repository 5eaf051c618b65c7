import { BitReader } from '../entropy/bit-writer.ts'
import { probabilityBits } from '../entropy/frequency-tables.ts'
import { stateFloor, writeRans } from '../entropy/rans.ts'
import { kltSymbols, zeroSymbol } from '../klt/klt-parameters.ts'
import { nextState, trellisCodes, trellisValue } from '../klt/trellis.ts'
import type { Kernels, ReadCodes, TrellisArrays, WrittenCodes } from './kernel-calls.ts'
import { readOutcome } from './read-outcome.ts'

/** The kernels in JavaScript, some ten times as slow: where WebAssembly SIMD is absent, and what it is tested against. */
export function scriptKernels(bytes: number): Kernels {
  const memory = new ArrayBuffer(4 * Math.ceil(bytes / 4))
  const floats = new Float32Array(memory)
  return {
    memory,
    multiply({ a, b, c, rows, panels, length }) {
      for (let panel = 0; panel < panels; panel++) {
        for (let i = 0; i < rows; i++) {
          let left = (a.at + i * a.row) >> 2
          let right = (b.at + panel * b.panel) >> 2
          let [s0, s1, s2, s3, s4, s5, s6, s7] = [0, 0, 0, 0, 0, 0, 0, 0]
          for (let x = 0; x < length; x++, left += a.column >> 2, right += b.row >> 2) {
            const factor = floats[left]!
            s0 += factor * floats[right]!
            s1 += factor * floats[right + 1]!
            s2 += factor * floats[right + 2]!
            s3 += factor * floats[right + 3]!
            s4 += factor * floats[right + 4]!
            s5 += factor * floats[right + 5]!
            s6 += factor * floats[right + 6]!
            s7 += factor * floats[right + 7]!
          }
          floats.set([s0, s1, s2, s3, s4, s5, s6, s7], ((c.at + i * c.row) >> 2) + 8 * panel)
        }
      }
    },
    combine({ a, b, c, rows, panels, length }) {
      for (let i = 0; i < rows; i++) {
        const to = (c.at + i * c.row) >> 2
        floats.fill(0, to, to + 8 * panels)
        for (let x = 0; x < length; x++) {
          const factor = floats[((a.at + i * a.row) >> 2) + x]!
          if (factor === 0) continue
          const from = (b.at + x * b.row) >> 2
          for (let j = 0; j < 8 * panels; j++) floats[to + j] = floats[to + j]! + factor * floats[from + j]!
        }
      }
    },
    centre: ({ at, rows, panels, offsets, factors }) => {
      for (let row = 0, i = at >> 2; row < rows; row++) {
        for (let column = 0; column < 8 * panels; column++, i++)
          floats[i] =
            Math.fround(floats[i]! - floats[(offsets >> 2) + row]!) * floats[(factors >> 2) + column]!
      }
    },
    restore: ({ at, rows, panels, offsets, factors }) => {
      for (let row = 0, i = at >> 2; row < rows; row++) {
        for (let column = 0; column < 8 * panels; column++, i++)
          floats[i] =
            Math.fround(floats[i]! * floats[(factors >> 2) + column]!) + floats[(offsets >> 2) + row]!
      }
    },
    trellis: (arrays) => alongTrellis(memory, arrays),
    round({ coefficients, places, inverse, codes, count }) {
      const at = new Uint32Array(memory, places, count)
      const out = new Int32Array(memory, codes, count)
      let largest = 0
      for (let i = 0; i < count; i++) {
        const value = Math.fround(floats[(coefficients + at[i]!) >> 2]! * floats[(inverse >> 2) + i]!)
        largest = Math.max(largest, Math.abs(value))
        out[i] = Math.fround(value < 0 ? value - 0.5 : value + 0.5)
      }
      return largest
    },
    writeCodes: (arrays) => writeCodes(memory, arrays),
    readCodes: (arrays) => readCodes(memory, arrays),
  }
}

function alongTrellis(memory: ArrayBuffer, arrays: TrellisArrays): number {
  const { coefficients, count } = arrays
  const floats = new Float32Array(memory)
  const places = new Uint32Array(memory, arrays.places, count)
  const inverse = new Float32Array(memory, arrays.inverse, count)
  const inSteps = new Float64Array(count)
  let largest = 0
  for (let i = 0; i < count; i++) {
    const halves = Math.fround(floats[(coefficients + places[i]!) >> 2]! * inverse[i]!)
    inSteps[i] = halves / 2
    largest = Math.max(largest, Math.abs(halves))
  }
  if (!Number.isFinite(largest)) return largest
  const codes = new Int32Array(memory, arrays.codes, count)
  codes.set(trellisCodes(inSteps))
  const contexts = new Uint8Array(memory, arrays.contexts, count)
  const tables = new Uint8Array(memory, arrays.tables, count)
  for (let i = 0, state = 0; i < count; i++) {
    tables[i] = contexts[i]! + (state & 1)
    state = nextState[2 * state + (codes[i]! & 1)]!
  }
  return largest
}

function writeCodes(memory: ArrayBuffer, arrays: WrittenCodes): number {
  const { count, end } = arrays
  const codes = new Int32Array(memory, arrays.codes, count)
  const tables = new Uint8Array(memory, arrays.tables, count)
  const shifts = new Uint8Array(memory, arrays.shifts, count)
  const entries = new Uint32Array(memory, arrays.entries)
  const raw = new Uint32Array(memory, arrays.raw)
  const coded = new Uint32Array(count)
  let listed = 0
  for (let i = count - 1; i >= 0; i--) {
    const code = codes[i]!
    const shift = shifts[i]!
    const upper = (code >> shift) + zeroSymbol
    const symbol = upper < 1 || upper >= kltSymbols ? 0 : upper
    coded[i] = entries[tables[i]! * kltSymbols + symbol]!
    if (symbol === 0) raw[1 + listed++] = (16 << 16) | (code & 0xffff)
    else if (shift > 0) raw[1 + listed++] = (shift << 16) | (code & ((1 << shift) - 1))
  }
  raw[0] = listed
  return writeRans(coded, new Uint8Array(memory), end)
}

function readCodes(memory: ArrayBuffer, arrays: ReadCodes): number {
  const { end, rawEnd, count } = arrays
  const bytes = new Uint8Array(memory)
  const view = new DataView(memory)
  const firsts = new Uint8Array(memory, arrays.firsts)
  const entries = new Uint32Array(memory, arrays.entries)
  const contexts = new Uint8Array(memory, arrays.contexts, count)
  const shifts = new Uint8Array(memory, arrays.shifts, count)
  const steps = new Float32Array(memory, arrays.steps, count)
  const places = new Uint32Array(memory, arrays.places, count)
  const coefficients = new Float32Array(memory, arrays.coefficients)
  const raw = new BitReader(bytes.subarray(end, rawEnd))
  const mask = (1 << probabilityBits) - 1
  let current = view.getUint32(arrays.at, true)
  let other = view.getUint32(arrays.at + 4, true)
  let at = arrays.at + 8
  let state = 0
  for (let i = 0; i < count; i++) {
    const quantiser = state & 1
    const low = current & mask
    const table = (contexts[i]! + quantiser) * kltSymbols
    let symbol = firsts[(contexts[i]! << (probabilityBits - 3)) + 2 * (low >> 3) + quantiser]!
    while (low >= (entries[table + symbol]! & 0xffff) + (entries[table + symbol]! >>> 16)) symbol++
    const entry = entries[table + symbol]!
    let renewed = (entry >>> 16) * (current >>> probabilityBits) + low - (entry & 0xffff)
    if (renewed < stateFloor) {
      if (at + 2 > end) return readOutcome.truncated
      renewed = (renewed << 16) | (bytes[at]! << 8) | bytes[at + 1]!
      at += 2
    }
    current = other
    other = renewed
    const bits = symbol === 0 ? 16 : shifts[i]!
    if (!raw.has(bits)) return readOutcome.truncated
    let code = symbol - zeroSymbol
    if (bits > 0) code = (code << bits) | raw.read(bits)
    if (symbol === 0) code = (code << 16) >> 16
    coefficients[places[i]! >> 2] = code === 0 ? 0 : trellisValue(code, quantiser) * steps[i]!
    if (arrays.trellis) state = nextState[2 * state + (code & 1)]!
  }
  const ended = current === stateFloor && other === stateFloor && at === end && raw.ended
  return ended ? readOutcome.whole : readOutcome.damaged
}
