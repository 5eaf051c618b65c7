/**
 * Every plan that is the cheapest at some prices, from an oracle that names the cheapest plan at given ones.
 *
 * The least price over the plans known so far is a concave, piecewise linear function of the price vector, never below
 * the least price over all plans. On the triangle of price vectors that add up to 1 each known plan is cheapest in a
 * convex cell, and between the cells' corners both functions can differ only if they do at a corner: so asking the
 * oracle at all corners until none gives a cheaper plan finds every plan on the lower convex hull.
 *
 * Asks the oracle about three times per plan found (cells of a triangle have on average fewer than six corners, shared
 * by three); O(plans^2) for the cells in each round, of which there are few.
 * Source: M. J. Eisner and D. G. Severance, "Mathematical techniques for efficient record segmentation in large shared
 * databases", JACM 1976, carried to three resources as in weight-set decomposition (Przybylski et al., 2010).
 */

/** Prices of three resources, or what a plan takes of them. */
export type Triple = readonly [number, number, number]

export interface HullPlan {
  readonly takes: Triple
}

/** Prices lower than this share of the highest are not told apart from it: at zero a plan may waste what is free. */
const leastPrice = 1e-6
/** A plan is new where it is cheaper by more than rounding. */
const relativeGain = 1e-7

const corners: readonly Triple[] = [
  [1 - 2 * leastPrice, leastPrice, leastPrice],
  [leastPrice, 1 - 2 * leastPrice, leastPrice],
  [leastPrice, leastPrice, 1 - 2 * leastPrice],
]

/** @param cheapest The cheapest plan at prices that add up to 1. @returns The plans found, none twice. */
export function lowerHull<Plan extends HullPlan>(cheapest: (prices: Triple) => Plan): Plan[] {
  const found: Plan[] = []
  const asked = new Set<string>()
  let waiting: readonly Triple[] = corners
  while (waiting.length > 0) {
    for (const prices of waiting) {
      asked.add(keyOf(prices))
      const plan = cheapest(prices)
      const price = priceOf(plan, prices)
      const known = Math.min(...found.map((other) => priceOf(other, prices)))
      if (!(price >= known * (1 - relativeGain))) found.push(plan)
    }
    waiting = [
      ...new Map(
        found
          .flatMap((plan) => cellOf(plan, found))
          .map((corner): [string, Triple] => [keyOf(corner), corner])
          .filter(([key]) => !asked.has(key)),
      ).values(),
    ]
  }
  return found
}

function priceOf({ takes }: HullPlan, prices: Triple): number {
  return takes[0] * prices[0] + takes[1] * prices[1] + takes[2] * prices[2]
}

/** Corners of the part of the triangle in which the plan is the cheapest of all: one half-plane after the other. */
function cellOf(plan: HullPlan, plans: readonly HullPlan[]): readonly Triple[] {
  let cell = corners
  for (const other of plans) {
    if (other === plan) continue
    const excess = cell.map((prices) => priceOf(plan, prices) - priceOf(other, prices))
    if (excess.every((more) => more <= 0)) continue
    const kept: Triple[] = []
    for (const [i, corner] of cell.entries()) {
      const j = (i + 1) % cell.length
      const [here, there] = [excess[i]!, excess[j]!]
      if (here <= 0) kept.push(corner)
      if (here > 0 === there > 0) continue
      const share = here / (here - there)
      const next = cell[j]!
      kept.push([
        corner[0] + share * (next[0] - corner[0]),
        corner[1] + share * (next[1] - corner[1]),
        corner[2] + share * (next[2] - corner[2]),
      ])
    }
    cell = kept
    if (cell.length === 0) return cell
  }
  return cell
}

function keyOf(prices: Triple): string {
  return `${prices[0].toFixed(9)} ${prices[1].toFixed(9)}`
}
