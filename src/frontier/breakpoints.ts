/**
 * Every plan that is the cheapest at some prices, from an oracle that names the cheapest plan at given ones.
 *
 * The least price over the plans known so far is a concave, piecewise linear function of the price vector, never below
 * the least price over all plans. On the triangle of price vectors that add up to 1 each known plan is cheapest in a
 * convex cell, and between the cells' corners both functions can differ only if they do at a corner: so asking the
 * oracle at all corners until none gives a cheaper plan finds every plan on the lower convex hull.
 *
 * Asks the oracle about three times per plan found (cells of a triangle have on average fewer than six corners, shared
 * by three); each new plan is cut out of the cells of the others, O(plans^2) in all.
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

/** Of a cell; what neighbouring cells have in common is the same but for rounding, and has the same name. */
interface Corner {
  readonly prices: Triple
  readonly name: string
}

const triangle: readonly Corner[] = [
  cornerAt([1 - 2 * leastPrice, leastPrice, leastPrice]),
  cornerAt([leastPrice, 1 - 2 * leastPrice, leastPrice]),
  cornerAt([leastPrice, leastPrice, 1 - 2 * leastPrice]),
]

/** @param cheapest The cheapest plan at prices that add up to 1. @returns The plans found, none twice. */
export function lowerHull<Plan extends HullPlan>(cheapest: (prices: Triple) => Plan): Plan[] {
  /** Where each plan found is the cheapest of them all. */
  const cells = new Map<Plan, readonly Corner[]>()
  const asked = new Set<string>()
  const isOpen = ({ name }: Corner) => !asked.has(name)
  for (let open = triangle[0]; open !== undefined; open = firstOf(cells.values(), isOpen)) {
    asked.add(open.name)
    const { prices } = open
    const plan = cheapest(prices)
    let known = Infinity
    for (const other of cells.keys()) known = Math.min(known, priceOf(other, prices))
    if (priceOf(plan, prices) >= known * (1 - relativeGain)) continue
    let own = triangle
    for (const [other, cell] of cells) {
      cells.set(other, without(cell, other, plan))
      own = without(own, plan, other)
    }
    cells.set(plan, own)
  }
  return [...cells.keys()]
}

function firstOf<Item>(
  lists: Iterable<readonly Item[]>,
  isWanted: (item: Item) => boolean,
): Item | undefined {
  for (const list of lists) {
    const found = list.find(isWanted)
    if (found !== undefined) return found
  }
  return undefined
}

/** What is left of a plan's cell where another is no cheaper. */
function without(cell: readonly Corner[], plan: HullPlan, other: HullPlan): readonly Corner[] {
  const excess = cell.map(({ prices }) => priceOf(plan, prices) - priceOf(other, prices))
  if (excess.every((more) => more <= 0)) return cell
  const kept: Corner[] = []
  for (const [i, corner] of cell.entries()) {
    const j = (i + 1) % cell.length
    const [here, there] = [excess[i]!, excess[j]!]
    if (here <= 0) kept.push(corner)
    if (here > 0 !== there > 0) kept.push(between(corner.prices, cell[j]!.prices, here / (here - there)))
  }
  return kept
}

function between(from: Triple, to: Triple, share: number): Corner {
  return cornerAt([
    from[0] + share * (to[0] - from[0]),
    from[1] + share * (to[1] - from[1]),
    from[2] + share * (to[2] - from[2]),
  ])
}

function cornerAt(prices: Triple): Corner {
  return { prices, name: `${prices[0].toFixed(9)} ${prices[1].toFixed(9)}` }
}

function priceOf({ takes }: HullPlan, prices: Triple): number {
  return takes[0] * prices[0] + takes[1] * prices[1] + takes[2] * prices[2]
}
