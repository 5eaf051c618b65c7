/** 97.5 % quantile of the normal distribution: two-sided 95 %. */
const twoSided95 = 1.959964
/** 95 % quantile: one-sided 95 %. */
export const oneSided95 = 1.644854

/** Wilson's score interval for `hits` of `trials` (JASA 22, 1927). */
export function wilsonInterval(
  hits: number,
  trials: number,
  z = twoSided95,
): { lower: number; upper: number } {
  const share = hits / trials
  const z2 = (z * z) / trials
  const centre = (share + z2 / 2) / (1 + z2)
  const half = (z * Math.sqrt((share * (1 - share)) / trials + z2 / (4 * trials))) / (1 + z2)
  return { lower: Math.max(0, centre - half), upper: Math.min(1, centre + half) }
}
