/**
 * Linear programs with objectives in order of rank: the best of the first, of all those the best of the second, and so
 * on. Maximises objectives[0]·x, then objectives[1]·x, ... over A x <= b, x >= 0, for b >= 0: then x = 0 is allowed and
 * no search for a beginning is needed.
 *
 * The simplex method on Tucker's condensed tableau (rows of the constraints and of the objectives, a column for each
 * variable that is 0, and the right side). The second objective takes over where the first cannot grow any more: from
 * then on only columns may enter that leave every objective before as it is (Isermann, Operations Research Spektrum 4,
 * 1982). Dantzig's rule, and Bland's (which cannot cycle) while nothing grows. O(rows x columns) a step, some tens of
 * steps for a few rows and hundreds of columns.
 */
export interface LinearProgram {
  /** Rows of A, all equally long. */
  readonly rows: readonly (readonly number[])[]
  /** b, never negative. */
  readonly limits: readonly number[]
  readonly objectives: readonly (readonly number[])[]
}

export interface LinearOptimum {
  readonly x: readonly number[]
  readonly values: readonly number[]
  /** By objective and row: what the objective gains for each unit that the row's limit is raised. */
  readonly prices: readonly (readonly number[])[]
}

const tolerance = 1e-9
/** Steps without gain before Bland's rule takes over. */
const patience = 20

/** @throws {RangeError} where a limit is negative or an objective can grow without end */
export function maximise({ rows, limits, objectives }: LinearProgram): LinearOptimum {
  const width = objectives[0]!.length
  const tableau = [
    ...rows.map((row, i) => Float64Array.of(...row, limits[i]!)),
    ...objectives.map((objective) => Float64Array.of(...objective, 0)),
  ]
  const wrong = limits.findIndex((limit) => !(limit >= 0))
  if (wrong >= 0)
    throw new RangeError(
      `Cannot solve the program: limits[${wrong}] must be >= 0, current value is ${limits[wrong]}`,
    )
  // Variables 0..width-1 are x, width + i is what row i leaves of its limit.
  const columnOf = Array.from({ length: width }, (_, j) => j)
  const rowOf = rows.map((_, i) => width + i)

  for (let rank = 0; rank < objectives.length; rank++) {
    const target = tableau[rows.length + rank]!
    const earlier = tableau.slice(rows.length, rows.length + rank)
    let idle = 0
    for (;;) {
      const isFree = (j: number) =>
        target[j]! > tolerance && earlier.every((objective) => Math.abs(objective[j]!) <= tolerance)
      const column = enteringColumn(target, columnOf, isFree, idle >= patience)
      if (column < 0) break
      const row = leavingRow(tableau, rowOf, column, width)
      if (row < 0)
        throw new RangeError(`Cannot solve the program: objectives[${rank}] must have an upper bound`)
      idle = tableau[row]![width]! > tolerance ? 0 : idle + 1
      pivot(tableau, row, column)
      ;[columnOf[column], rowOf[row]] = [rowOf[row]!, columnOf[column]!]
    }
  }

  const x = Array.from({ length: width }, () => 0)
  for (const [i, variable] of rowOf.entries()) if (variable < width) x[variable] = tableau[i]![width]!
  const prices = objectives.map((_, rank) => {
    const price = rows.map(() => 0)
    for (const [j, variable] of columnOf.entries())
      if (variable >= width) price[variable - width] = 0 - tableau[rows.length + rank]![j]!
    return price
  })
  return { x, values: objectives.map((_, rank) => 0 - tableau[rows.length + rank]![width]!), prices }
}

function enteringColumn(
  target: Float64Array,
  columnOf: readonly number[],
  isFree: (column: number) => boolean,
  byIndex: boolean,
): number {
  let best = -1
  for (let j = 0; j < columnOf.length; j++) {
    if (best >= 0 && (byIndex ? columnOf[j]! > columnOf[best]! : target[j]! <= target[best]!)) continue
    if (isFree(j)) best = j
  }
  return best
}

/** The row that limits the column first; of several the variable with the lowest index, as Bland's rule asks. */
function leavingRow(
  tableau: readonly Float64Array[],
  rowOf: readonly number[],
  column: number,
  width: number,
): number {
  let best = -1
  let least = Infinity
  for (let i = 0; i < rowOf.length; i++) {
    const slope = tableau[i]![column]!
    if (slope <= tolerance) continue
    const ratio = tableau[i]![width]! / slope
    if (best < 0 || ratio < least - 1e-12 || (ratio <= least + 1e-12 && rowOf[i]! < rowOf[best]!)) {
      best = i
      least = Math.min(least, ratio)
    }
  }
  return best
}

function pivot(tableau: readonly Float64Array[], row: number, column: number): void {
  const source = tableau[row]!
  const by = 1 / source[column]!
  source[column] = 1
  for (let j = 0; j < source.length; j++) source[j]! *= by
  for (const [i, target] of tableau.entries()) {
    const factor = target[column]!
    if (i === row || factor === 0) continue
    target[column] = 0
    for (let j = 0; j < target.length; j++) target[j]! -= factor * source[j]!
  }
  // A limit of -1e-17 is rounding, and would let a variable go below 0.
  for (let i = 0; i < tableau.length; i++) {
    const last = tableau[i]!.length - 1
    if (Math.abs(tableau[i]![last]!) < 1e-14) tableau[i]![last] = 0
  }
}
