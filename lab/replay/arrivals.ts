/** `camera`: even, but for a share of the gap; `poisson`: by chance, as many sensors together. */
export type ArrivalKind = 'camera' | 'poisson'

const cameraJitter = 0.3

/** Moments at which inputs arrive, from 0 to `untilMs`. */
export function arrivalTimes(
  kind: ArrivalKind,
  ratePerS: number,
  untilMs: number,
  random: () => number,
  { jitter = cameraJitter, burst = 1 }: { readonly jitter?: number; readonly burst?: number } = {},
): number[] {
  const meanMs = (1000 * burst) / ratePerS
  const times: number[] = []
  let atMs = 0
  for (;;) {
    atMs += meanMs * (kind === 'poisson' ? -Math.log(1 - random()) : 1 + jitter * (2 * random() - 1))
    if (atMs >= untilMs) return times
    for (let i = 0; i < burst; i++) times.push(atMs)
  }
}
