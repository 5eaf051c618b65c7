/**
 * Coefficients w that make rows * w closest to the targets, with a small ridge against rows that say too little:
 * normal equations, Gauss-Jordan with pivots. O(rows x n^2 + n^3), for a handful of unknowns.
 */
export function leastSquares(
  rows: readonly (readonly number[])[],
  targets: readonly number[],
  ridge: number,
): number[] {
  const n = rows[0]!.length
  const system = Array.from({ length: n }, (_, i) => {
    const line = Array.from({ length: n }, (_, j) =>
      rows.reduce((sum, row) => sum + row[i]! * row[j]!, i === j ? ridge : 0),
    )
    return [...line, rows.reduce((sum, row, r) => sum + row[i]! * targets[r]!, 0)]
  })
  for (let i = 0; i < n; i++) {
    let pivot = i
    for (let j = i + 1; j < n; j++) if (Math.abs(system[j]![i]!) > Math.abs(system[pivot]![i]!)) pivot = j
    const line = system[pivot]!
    system[pivot] = system[i]!
    system[i] = line
    for (let j = 0; j < n; j++) {
      if (j === i) continue
      const factor = system[j]![i]! / line[i]!
      for (let k = i; k <= n; k++) system[j]![k] = system[j]![k]! - factor * line[k]!
    }
  }
  return system.map((line, i) => line[n]! / line[i]!)
}
