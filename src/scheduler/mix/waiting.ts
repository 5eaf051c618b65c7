/**
 * How many requests wait, on average, for something that serves one after the other: Kingman's heavy-traffic formula for
 * arrivals and services of any distribution (Proc. Cambridge Phil. Soc. 57, 1961), with Sakasegawa's exponent for
 * several equal servers (Ann. Inst. Stat. Math. 29, 1977): rho^sqrt(2(c+1)) / (1 - rho) * (ca^2 + cs^2) / 2, which for one
 * server is rho^2 / (1 - rho) * (ca^2 + cs^2) / 2.
 */
export interface Queue {
  readonly servers: number
  /** Squared coefficients of variation of the times between arrivals and of the services. */
  readonly arrivalCv2: number
  readonly serviceCv2: number
}

/** A straight line that touches the curve of {@link meanWaiting} from below: slope * rho - offset. */
export interface Tangent {
  readonly slope: number
  readonly offset: number
}

/** At which utilisations the curve is replaced by its tangents. */
const touched = [0.2, 0.35, 0.5, 0.6, 0.7, 0.78, 0.85, 0.9, 0.95]

/** @param utilisation below 1 */
export function meanWaiting({ servers, arrivalCv2, serviceCv2 }: Queue, utilisation: number): number {
  const exponent = Math.sqrt(2 * (servers + 1))
  return (((arrivalCv2 + serviceCv2) / 2) * utilisation ** exponent) / (1 - utilisation)
}

/** The curve is convex and begins at 0, so every tangent lies below it and no offset is negative. */
export function waitingTangents(queue: Queue): Tangent[] {
  const exponent = Math.sqrt(2 * (queue.servers + 1))
  return touched.map((at) => {
    const value = meanWaiting(queue, at)
    const slope = value * (exponent / at + 1 / (1 - at))
    return { slope, offset: slope * at - value }
  })
}
