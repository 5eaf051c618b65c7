export interface Counts {
  /** Runs that are not taken: caches fill, code is compiled. */
  readonly warmUp: number
  readonly measured: number
}

/** What repeated runs give, one after the other, those that warm up left out. */
export async function measured<Sample>(counts: Counts, once: () => Promise<Sample>): Promise<Sample[]> {
  const samples: Sample[] = []
  for (let n = 0; n < counts.warmUp + counts.measured; n++) {
    const sample = await once()
    if (n >= counts.warmUp) samples.push(sample)
  }
  return samples
}
