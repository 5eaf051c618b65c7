import type { MixProblem, MixSolution } from './program.ts'

/**
 * The same problem with services as varied as the mix that solves it makes them: plans take different times of a
 * resource, and a picture among small tensors is what these wait for. Solved once more, the program keeps apart what
 * delays the other most. Of services that differ by themselves (`serviceCv2`) within plans of mean times u at rates x,
 * independently, (1 + cv^2) = (1 + own) * (sum x * sum x u^2) / (sum x u)^2. O(plans x resources).
 * @param solution of `problem`
 */
export function withMixedServices(problem: MixProblem, { rates }: MixSolution): MixProblem {
  const { streams, resources } = problem
  return {
    ...problem,
    resources: resources.map((resource, r) => {
      const { queue } = resource
      if (queue === undefined) return resource
      let perS = 0
      let use = 0
      let squares = 0
      for (const [s, { plans }] of streams.entries())
        for (const [p, plan] of plans.entries()) {
          const rate = rates[s]![p]!
          const need = plan.use[r]!
          if (!(need > 0)) continue
          perS += rate
          use += rate * need
          squares += rate * need * need
        }
      const spread = use > 0 ? Math.max(1, (perS * squares) / use ** 2) : 1
      return { ...resource, queue: { ...queue, serviceCv2: (1 + queue.serviceCv2) * spread - 1 } }
    }),
  }
}
