import { createRequire } from 'node:module'
import type { LinearProgram } from '../../../src/scheduler/mix/lexicographic-simplex.ts'

// Its types are those of its CommonJS build.
const { default: loadHighs } = createRequire(import.meta.url)('highs') as typeof import('highs')
const highs = await loadHighs()

/** By which HiGHS may miss what was reached before: its own tolerance is not far below. */
const slack = 1e-8

/** A program's optimum by HiGHS: one objective after the other, each before it held at its best. */
export function bestValues({ rows, limits, objectives }: LinearProgram): number[] {
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
