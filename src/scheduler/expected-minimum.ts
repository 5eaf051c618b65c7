/**
 * E[min(X, limit)] for X log-normal with the given mean and standard deviation: times are positive, and a slow link is
 * slower by factors. O(1). With s^2 = ln(1 + (deviation/mean)^2) and m = ln(mean) - s^2/2,
 * E[min(X, l)] = mean Phi((ln l - m - s^2) / s) + l Phi((m - ln l) / s).
 * (Johnson, Kotz, Balakrishnan, Continuous Univariate Distributions 1, ch. 14: truncated moments.)
 */
export function expectedMinimum(mean: number, deviation: number, limit: number): number {
  if (!(mean > 0) || !(limit > 0) || deviation <= 0 || !Number.isFinite(mean)) return Math.min(mean, limit)
  const variance = Math.log1p((deviation / mean) ** 2)
  const s = Math.sqrt(variance)
  const m = Math.log(mean) - variance / 2
  return mean * normalCdf((Math.log(limit) - m - variance) / s) + limit * normalCdf((m - Math.log(limit)) / s)
}

function normalDensity(z: number): number {
  return Math.exp(-0.5 * z * z) / Math.sqrt(2 * Math.PI)
}

/** Abramowitz and Stegun 26.2.17: absolute error below 7.5e-8. */
function normalCdf(z: number): number {
  const t = 1 / (1 + 0.2316419 * Math.abs(z))
  const tail =
    normalDensity(z) *
    t *
    (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))))
  return z >= 0 ? 1 - tail : tail
}
