import { trellisCodes } from '../klt/trellis.ts'
import type { Kernels } from './kernels.ts'

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
    trellis({ coefficients, sent, inverse, codes, count }) {
      const places = new Uint32Array(memory, sent, count)
      const inSteps = new Float64Array(count)
      let largest = 0
      for (let i = 0; i < count; i++) {
        const halves = Math.fround(floats[(coefficients >> 2) + places[i]!]! * floats[(inverse >> 2) + i]!)
        inSteps[i] = halves / 2
        largest = Math.max(largest, Math.abs(halves))
      }
      if (Number.isFinite(largest)) new Int32Array(memory, codes, count).set(trellisCodes(inSteps))
      return largest
    },
  }
}
