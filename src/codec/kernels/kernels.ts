import { instantiate, type KernelInstance } from './instantiate.ts'
import type { Kernels } from './kernel-calls.ts'
import { scriptKernels } from './script-kernels.ts'

/** Kernels with so many bytes of memory, zeros: in WebAssembly SIMD, or in JavaScript where a processor lacks it. */
export function createKernels(bytes: number): Kernels {
  const instance = instantiate(bytes)
  return instance === undefined ? scriptKernels(bytes) : wasmKernels(instance)
}

function wasmKernels({ memory, exports }: KernelInstance): Kernels {
  const multiply = exports['multiply']!
  const combine = exports['combine']!
  const scale = exports['scale']!
  const trellis = exports['trellis']!
  const round = exports['round']!
  const encodeCodes = exports['encodeCodes']!
  const decodeCodes = exports['decodeCodes']!
  return {
    memory,
    multiply({ a, b, c, rows, panels, length }) {
      multiply(a.at, a.row, a.column, b.at, b.row, b.panel, c.at, c.row, rows, panels, length)
    },
    combine({ a, b, c, rows, panels, length, list, counts }) {
      combine(a.at, a.row, b.at, b.row, c.at, c.row, rows, panels, length, list, counts)
    },
    centre({ at, rows, panels, offsets, factors }) {
      scale(at, rows, panels, offsets, factors, 0)
    },
    restore({ at, rows, panels, offsets, factors }) {
      scale(at, rows, panels, offsets, factors, 1)
    },
    trellis(of) {
      const { coefficients, places, inverse, contexts, halves, decisions, codes, tables, errors } = of
      return trellis(
        coefficients,
        places,
        inverse,
        contexts,
        halves,
        decisions,
        codes,
        tables,
        errors,
        of.count,
      )
    },
    round({ coefficients, places, inverse, codes, count }) {
      return round(coefficients, places, inverse, codes, count)
    },
    writeCodes({ codes, tables, shifts, entries, count, end, raw }) {
      return encodeCodes(codes, tables, shifts, entries, count, end, raw)
    },
    readCodes(of) {
      const { at, end, rawEnd, firsts, entries, contexts, shifts, steps, places, coefficients, count } = of
      const states = of.trellis ? 7 : 0
      return decodeCodes(
        at,
        end,
        rawEnd,
        firsts,
        entries,
        contexts,
        shifts,
        steps,
        places,
        coefficients,
        count,
        states,
      )
    },
  }
}
