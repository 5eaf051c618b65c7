/** `camera`: even, but for 30 % of a gap; `poisson`: by chance, as many sensors together. */
export type ArrivalKind = 'camera' | 'poisson'

const cameraJitter = 0.3

/** Moments at which inputs arrive, from 0 to `untilMs`. */
export function arrivalTimes(
  kind: ArrivalKind,
  ratePerS: number,
  untilMs: number,
  random: () => number,
): number[] {
  const meanMs = 1000 / ratePerS
  const times: number[] = []
  let atMs = 0
  for (;;) {
    atMs += meanMs * (kind === 'poisson' ? -Math.log(1 - random()) : 1 + cameraJitter * (2 * random() - 1))
    if (atMs >= untilMs) return times
    times.push(atMs)
  }
}
