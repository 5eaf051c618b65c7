export interface Counts {
  /** Runs that are not taken: caches fill, code is compiled. */
  readonly warmUp: number
  readonly measured: number
  /** After which no run is begun that is not needed: one that warms up, where any does, and one that is taken. */
  readonly enoughMs?: number
}

/** What repeated runs give, one after the other, those that warm up left out. */
export async function measured<Sample>(
  { warmUp, measured, enoughMs = Number.POSITIVE_INFINITY }: Counts,
  once: () => Promise<Sample>,
): Promise<Sample[]> {
  const endMs = performance.now() + enoughMs
  const isLate = () => performance.now() >= endMs
  for (let n = 0; n < warmUp && !(n > 0 && isLate()); n++) await once()
  const samples: Sample[] = []
  while (samples.length < measured && !(samples.length > 0 && isLate())) samples.push(await once())
  return samples
}
