/** Plus or minus 1, the same sequence each time: xorshift32 (Marsaglia, 2003). */
export function noiseSigns(seed: number): () => number {
  let state = seed * 0x9e37_79b9
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return state < 0 ? -1 : 1
  }
}
