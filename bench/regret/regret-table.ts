import type { RegretRow } from './regret-matrix.ts'

/** What is wanted of requests alone. */
export const wantedMean = 0.015
export const wantedP95 = 0.08

/** Whether a case of requests alone holds both. */
export function holds({ regretMean, regretP95 }: RegretRow): boolean {
  return regretMean <= wantedMean && regretP95 <= wantedP95
}

export interface RegretTable {
  readonly load: number
  /** The first row names the columns: policy, each trace, all of them together. */
  readonly rows: readonly (readonly string[])[]
}

/**
 * One table a load, policies by traces, each cell over all models, machines, sizes and waits. Alone: mean regret and the
 * mean of its 95th percentiles, percent, and last how many cases hold what is wanted. Under load: answered of what could
 * have been, percent.
 */
export function regretTables(rows: readonly RegretRow[]): RegretTable[] {
  const traces = distinct(rows.map(({ trace }) => trace))
  return distinct(rows.map(({ load }) => load)).map((load) => {
    const ofLoad = rows.filter((row) => row.load === load)
    const cell = load === 0 ? regretCell : boundCell
    return {
      load,
      rows: [
        ['policy', ...traces, load === 0 ? 'cases held' : 'all'],
        ...distinct(ofLoad.map(({ policy }) => policy)).map((policy) => {
          const own = ofLoad.filter((row) => row.policy === policy)
          const cells = traces.map((trace) => cell(own.filter((row) => row.trace === trace)))
          const held = `${own.filter(holds).length} of ${own.length}`
          return [policy, ...cells, load === 0 ? held : boundCell(own)]
        }),
      ],
    }
  })
}

/** @returns the table as Markdown. */
export function markdownTable([head, ...rows]: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [line(head ?? []), `|${'---|'.repeat(head?.length ?? 0)}`, ...rows.map(line)].join('\n')
}

function regretCell(rows: readonly RegretRow[]): string {
  return `${percent(mean(rows.map(({ regretMean }) => regretMean)))} / ${percent(mean(rows.map(({ regretP95 }) => regretP95)))}`
}

function boundCell(rows: readonly RegretRow[]): string {
  return percent(mean(rows.map(({ shareOfBound }) => shareOfBound)))
}

function percent(share: number): string {
  return Number.isNaN(share) ? '-' : (100 * share).toFixed(1)
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

function distinct<T>(values: readonly T[]): T[] {
  return [...new Set(values)]
}
