import { type Choice, type Conditions, choosePlan, type Prediction } from './choose-plan.ts'
import { type PlanPoint, planName } from './plan-point.ts'

/** At which uplink, in bits per second, another plan takes over, and which. */
export interface Flip {
  readonly uplinkBps: number
  readonly wound: string
  readonly codec: string
}

const slowest = 1e3
const fastest = 1e10

/**
 * The nearest uplink speeds below and above the present one at which the choice changes, to 0.5 %, everything else as
 * it is. Bisection over the logarithm of the speed between the first two grid points (20 a decade) that differ.
 */
export function findFlips(points: readonly PlanPoint[], conditions: Conditions): Flip[] {
  const { link } = conditions
  if (link === undefined) return []
  const choose = (uplinkBps: number) =>
    choosePlan(points, { ...conditions, link: { ...link, uplinkBps } }).chosen.point
  const here = planName(choose(link.uplinkBps))
  const flips: Flip[] = []
  for (const direction of [-1, 1]) {
    let same = link.uplinkBps
    for (;;) {
      let other = same * 10 ** (direction / 20)
      if (other < slowest || other > fastest) break
      if (planName(choose(other)) === here) {
        same = other
        continue
      }
      while (Math.abs(Math.log(other / same)) > 0.005) {
        const middle = Math.sqrt(other * same)
        if (planName(choose(middle)) === here) same = middle
        else other = middle
      }
      const { wound, codec } = choose(other)
      flips.push({ uplinkBps: other, wound, codec })
      break
    }
  }
  return flips
}

/** In words: what was chosen, what it beats and by how much, and what would change it. */
export function explainPlan(choice: Choice, flips: readonly Flip[]): string[] {
  const { chosen, ranked } = choice
  const lines = [
    `${planName(chosen.point)} is expected to answer in ${milliseconds(chosen.expectedMs)}${parts(chosen)}.`,
  ]
  const others = ranked.filter((prediction) => prediction !== chosen)
  const runnerUp = others[0]
  if (runnerUp !== undefined) {
    lines.push(
      `Next best: ${planName(runnerUp.point)} in ${milliseconds(runnerUp.expectedMs)}${parts(runnerUp)}.`,
    )
  }
  for (const flip of flips) {
    lines.push(`At an uplink of ${(flip.uplinkBps / 1e6).toPrecision(3)} Mbps ${planName(flip)} takes over.`)
  }
  return lines
}

function parts(prediction: Prediction): string {
  if (!Number.isFinite(prediction.remoteMs)) return ' on the edge alone'
  const { precision = 'float32' } = prediction.point
  const rounded = precision === 'float32' ? '' : ` in ${precision}`
  return ` (edge ${milliseconds(prediction.edgeMs)}, answer of the worker ${milliseconds(prediction.remoteMs)}, finished locally${rounded} ${milliseconds(prediction.localMs)}; ${prediction.point.bytes} bytes)`
}

function milliseconds(value: number): string {
  return `${value.toFixed(1)} ms`
}
