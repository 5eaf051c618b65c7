import { type MixProblem, solveMix } from './program.ts'

/** With so many times the uplink, most is answered by another plan than now. */
export interface MixFlip {
  readonly uplinkTimes: number
  /** Most used then. */
  readonly plan: string
}

const steps = [2, 4, 8, 16]

/**
 * What would be answered by another plan: the first halving and the first doubling of the uplink at which most inputs are
 * answered in another way. Everything else stays as it is, so up to eight programs are solved.
 */
export function mixFlips(problem: MixProblem): MixFlip[] {
  const now = mostUsed(problem)
  const uplink = problem.resources.findIndex(({ name }) => name === 'uplink')
  if (uplink < 0) return []
  return [-1, 1].flatMap((direction): MixFlip[] => {
    for (const step of steps) {
      const uplinkTimes = step ** direction
      const plan = mostUsed(withUplink(problem, uplink, uplinkTimes))
      if (plan !== undefined && plan !== now) return [{ uplinkTimes, plan }]
    }
    return []
  })
}

/** As it would be over a link so many times as fast: less time of it, and earlier answers. */
function withUplink(problem: MixProblem, uplink: number, times: number): MixProblem {
  const streams = problem.streams.map((stream) => ({
    ...stream,
    plans: stream.plans.map((plan) => {
      const ms = plan.use[uplink]!
      return {
        ...plan,
        latencyMs: plan.latencyMs - ms + ms / times,
        use: plan.use.with(uplink, ms / times),
      }
    }),
  }))
  return { ...problem, streams }
}

function mostUsed(problem: MixProblem): string | undefined {
  const perS = new Map<string, number>()
  for (const [s, rates] of solveMix(problem).rates.entries())
    for (const [p, rate] of rates.entries()) {
      const { name } = problem.streams[s]!.plans[p]!
      perS.set(name, (perS.get(name) ?? 0) + rate)
    }
  const [most] = [...perS].toSorted(([, a], [, b]) => b - a)
  return most?.[0]
}
