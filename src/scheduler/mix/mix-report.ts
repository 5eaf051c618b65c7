import { explainMix, leastPerS, type MixFacts } from './explain-mix.ts'
import type { ExcludedPlan } from './limits.ts'
import { type MixFlip, mixFlips } from './mix-flips.ts'
import { fluidBound, type MixProblem, solveMix } from './program.ts'
import { unchangedOf } from './reuse.ts'

/** What streams are answered by and why, as data and in words. */
export interface MixReport {
  readonly streams: readonly {
    readonly name: string
    /** That come. */
    readonly perS: number
    readonly answeredPerS: number
    /** No mix of its plans answers more, if it had everything to itself; absent where one of them needs nothing. */
    readonly boundPerS?: number
    /** Of a stream's inputs that look like the last one computed: how many of all of its inputs do, 0 to 1. */
    readonly share?: number
    /** Only those that are used, the most used first. */
    readonly plans: readonly { readonly name: string; readonly perS: number; readonly latencyMs: number }[]
  }[]
  readonly resources: readonly {
    readonly name: string
    /** 0 to 1. */
    readonly utilisation: number
    /** Answers a second that one more unit of it a second would bring. */
    readonly price: number
  }[]
  readonly excluded: readonly ExcludedPlan[]
  readonly flips: readonly MixFlip[]
  /** A line each. */
  readonly explanation: readonly string[]
}

/** Some fifteen linear programs: 5 ms on x64. */
export function reportMix(problem: MixProblem, facts: Omit<MixFacts, 'flips'> = {}): MixReport {
  const { streams, resources } = problem
  const { rates, utilisation, prices } = solveMix(problem)
  const flips = mixFlips(problem)
  const shares = new Map([...(facts.unchanged ?? [])].map(([name, share]) => [unchangedOf(name), share]))
  return {
    streams: streams.map((stream, s) => {
      const { name, ratePerS, plans } = stream
      const boundPerS = fluidBound(plans, resources)
      return {
        name,
        perS: ratePerS,
        answeredPerS: rates[s]!.reduce((sum, rate) => sum + rate, 0),
        ...(Number.isFinite(boundPerS) && { boundPerS }),
        ...(shares.has(name) && { share: shares.get(name)! }),
        plans: plans
          .map((plan, p) => ({ name: plan.name, perS: rates[s]![p]!, latencyMs: plan.latencyMs }))
          .filter(({ perS }) => perS > leastPerS)
          .toSorted((a, b) => b.perS - a.perS),
      }
    }),
    resources: resources.map(({ name }, r) => ({ name, utilisation: utilisation[r]!, price: prices[r]! })),
    excluded: facts.excluded ?? [],
    flips,
    explanation: explainMix(problem, { ...facts, flips }),
  }
}
