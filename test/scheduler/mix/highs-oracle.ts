import { createRequire } from 'node:module'
import type { LinearProgram } from '../../../src/scheduler/mix/lexicographic-simplex.ts'

// Its types are those of its CommonJS build.
const { default: loadHighs } = createRequire(import.meta.url)('highs') as typeof import('highs')
const highs = await loadHighs()

/**
 * A program's optimum by HiGHS: one objective after the other, each before it held at its best. Held exactly, HiGHS finds
 * nothing; held a little less, plans that hardly differ in what limits are traded for it a thousandfold. The optimum grows
 * linearly with so little, so that two of them tell it where nothing is given away.
 */
export function bestValues(program: LinearProgram): number[] {
  const slack = 1e-8
  const twice = relaxedValues(program, 2 * slack)
  return relaxedValues(program, slack).map((value, rank) => 2 * value - twice[rank]!)
}

function relaxedValues({ rows, limits, objectives }: LinearProgram, slack: number): number[] {
  const width = objectives[0]!.length
  const held: string[] = []
  const values: number[] = []
  for (const objective of objectives) {
    const text = [
      'Maximize',
      ` obj: ${sum(objective)}`,
      'Subject To',
      ...rows.map((row, i) => ` r${i}: ${sum(row)} <= ${limits[i]}`),
      ...held,
      'Bounds',
      ...Array.from({ length: width }, (_, j) => ` x${j} >= 0`),
      'End',
    ].join('\n')
    const solution = highs.solve(text, {
      primal_feasibility_tolerance: 1e-10,
      dual_feasibility_tolerance: 1e-10,
    })
    if (solution.Status !== 'Optimal') throw new Error(`HiGHS says ${solution.Status}`)
    values.push(solution.ObjectiveValue)
    held.push(` h${held.length}: ${sum(objective)} >= ${solution.ObjectiveValue - slack}`)
  }
  return values
}

/** In the LP format; a sum of nothing is not allowed there. */
function sum(coefficients: readonly number[]): string {
  return coefficients.map((value, j) => `${value < 0 ? '-' : '+'} ${Math.abs(value)} x${j}`).join(' ')
}
