import { type EngineName, engineNames } from '../../src/executor/engine.ts'
import { loadEngine } from '../../src/executor/load-engine.ts'
import {
  checkNestedWounds,
  checkWounds,
  compareEngines,
  type EngineAgreement,
  engineTolerance,
  exampleInputs,
  type ParityReport,
  perplexity,
  prefixHeads,
  runWhole,
  withWeightsHeld,
  woundTolerance,
} from '../../src/executor/parity.ts'
import { loadModel } from '../../src/model-graph/load-model.ts'
import { bestRingWounds } from '../../src/model-graph/ring-wounds.ts'
import { singleWounds } from '../../src/model-graph/single-wounds.ts'
import { woundFromHead } from '../../src/model-graph/wound-from-head.ts'
import { plannedWounds } from '../../src/scheduler/candidate-wounds.ts'

export interface ParityRow {
  readonly model: string
  readonly engine: EngineName
  readonly threads: number
  /** Classes the answer is spread over: close to 1 or to all of them, equality would say little. */
  readonly perplexity: number
  /** Every single-tensor wound and ten of several tensors, sampled evenly. */
  readonly nested: ParityReport
  /** What the planner can choose, and the best wounds inside rings, each with a head of its own. */
  readonly chosen: ParityReport
  /** With every other engine that is set up here. */
  readonly others: readonly (EngineAgreement & { readonly engine: EngineName })[]
}

/** Of several tensors, beside those that the planner can choose. */
const sampled = 10

/** Cuts a model everywhere on one engine, and in the middle and where the planner can between this and each other. */
export async function checkParity(
  source: string,
  name: EngineName,
  threads: number,
  tell: (text: string) => void,
): Promise<ParityRow> {
  const model = await withWeightsHeld(await loadModel(source))
  const { graph } = model
  const engine = await loadEngine(name)
  const inputs = exampleInputs(model)
  const whole = await runWhole(model, inputs, { engine, threads })
  const options = { engine, threads, onChecked: (checked: number) => tell(`${checked} wounds`) }
  const singles = singleWounds(graph)
  const several = prefixHeads(graph, sampled).map((head) => woundFromHead(graph, head))
  const nested = [...singles.slice(1, -1), ...several].map((wound) => [wound.head.length, wound] as const)
  const byDepth = [...new Map(nested).values()].toSorted((a, b) => a.head.length - b.head.length)
  const chosen = [...plannedWounds(graph), ...bestRingWounds(graph, singles)]
  const row = {
    model: source,
    engine: name,
    threads,
    perplexity: perplexity(whole[0]!),
    nested: await checkNestedWounds(model, byDepth, inputs, whole, options),
    chosen: await checkWounds(model, chosen, inputs, whole, options),
  }
  const cuts = [
    singles[Math.floor(singles.length / 2)]!,
    ...plannedWounds(graph).filter(({ tensors }) => tensors.length > 1),
  ]
  const others: ParityRow['others'][number][] = []
  for (const otherName of engineNames.filter((candidate) => candidate !== name)) {
    const other = await loadEngine(otherName).catch(() => undefined)
    if (other === undefined) continue
    tell(`with ${otherName}`)
    const pair = { reference: engine, other, threads }
    others.push({ engine: otherName, ...(await compareEngines(model, cuts, inputs, whole, pair)) })
  }
  return { ...row, others }
}

/** Whether nothing is further from the whole, or from another engine, than is allowed. */
export function isEqual({ nested, chosen, others }: ParityRow): boolean {
  const cuts = [nested, chosen, ...others.map(({ cut }) => cut)]
  return (
    cuts.every(({ maxAbsDiff }) => maxAbsDiff <= woundTolerance) &&
    others.every(({ relativeDifference }) => relativeDifference <= engineTolerance)
  )
}

/** The rows as a Markdown table. */
export function parityTable(rows: readonly ParityRow[]): string {
  const digits = (value: number) => (value === 0 ? '0' : value.toExponential(1))
  const head = [
    '| model | engine | classes spread over | wounds, largest difference | chosen or best in rings | other engine, relative | cut between the two |',
    '| --- | --- | --- | --- | --- | --- | --- |',
  ]
  const cell = ({ checked, maxAbsDiff }: ParityReport) => `${checked}: ${digits(maxAbsDiff)}`
  const body = rows.map((row) => {
    const agreements = row.others.map(
      ({ engine, relativeDifference }) => `${engine} ${digits(relativeDifference)}`,
    )
    const cells = [
      row.model,
      row.engine,
      row.perplexity.toFixed(0),
      cell(row.nested),
      cell(row.chosen),
      agreements.join(', '),
      row.others.map(({ cut }) => cell(cut)).join(', '),
    ]
    return `| ${cells.join(' | ')} |`
  })
  return [...head, ...body].join('\n')
}
