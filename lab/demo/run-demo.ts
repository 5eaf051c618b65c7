import { modelCalibration } from '../../src/codec/model-codecs.ts'
import { loadModel } from '../../src/model-graph/load-model.ts'
import { stderrLog } from '../../src/telemetry/stderr-log.ts'
import { phaseBounds } from './phase-bounds.ts'
import { playPolicy } from './play-policy.ts'
import type { PolicyName, Scenario } from './scenario.ts'
import { demoModel, type Stage, type StageOptions, withStage } from './stage.ts'
import { streamFaults, summariseStream } from './stream-summary.ts'
import { streamProgress, streamTable } from './stream-table.ts'
import { type DemoSummary, faults, type Row, summarise } from './summary.ts'
import { summaryTable, tableHead, tableRow } from './table.ts'

export interface DemoOptions extends Omit<StageOptions, 'pictures'> {
  readonly scenario: Scenario
}

export interface DemoOutcome {
  /** For `--json`. */
  readonly summary: unknown
  /** In words. */
  readonly text: string
  /** Why the demo did not show what it should; empty when it did. */
  readonly faults: readonly string[]
}

/** Plays the scenario once per policy and compares. */
export async function runDemo({ scenario, ...options }: DemoOptions): Promise<DemoOutcome> {
  return withStage({ ...options, pictures: scenario.pictures }, (stage) => playAll(stage, scenario))
}

async function playAll(stage: Stage, scenario: Scenario): Promise<DemoOutcome> {
  const { print, lab } = stage
  print(`Watch it on http://127.0.0.1:${stage.dashboardPort}/`)
  const rows = {} as Record<PolicyName, readonly Row[]>
  const seconds = {} as Record<PolicyName, number>
  let eventLoopP99Ms = 0
  let cut = usualCut
  let boundsPerS: readonly number[] = []
  for (const policy of scenario.plays) {
    let show = (row: Row) => print(tableRow(row))
    if (scenario.name === 'stream') show = streamProgress(policy, print)
    else print(tableHead(policy))
    const played = await playPolicy(stage, scenario, policy, cut, show)
    rows[policy] = played.rows
    seconds[policy] = played.seconds
    if (policy !== 'surgeon') continue
    eventLoopP99Ms = played.eventLoopP99Ms
    cut = mostUsedCut(played.rows) ?? usualCut
    // Before the next agent measures itself there.
    if (scenario.name === 'stream') boundsPerS = await phaseBounds(stage, scenario, stderrLog('demo'))
  }
  if (scenario.name === 'stream') {
    const summary = summariseStream(scenario, rows, { ...lab, eventLoopP99Ms, cut, boundsPerS })
    return { summary, text: streamTable(summary), faults: streamFaults(summary) }
  }
  const summary: DemoSummary = summarise(rows, { ...lab, eventLoopP99Ms, seconds })
  const { hash } = await loadModel(demoModel)
  const found = faults(summary, rows, await modelCalibration(demoModel, hash))
  return { summary, text: summaryTable(summary), faults: found }
}

/** Where the policy of one cut cuts if nothing was ever cut. */
const usualCut = 'block_6_project_BN'

/** The wound, other than the input, at which most answers were cut. */
function mostUsedCut(rows: readonly Row[]): string | undefined {
  const counts = new Map<string, number>()
  for (const { result } of rows) {
    if (!result?.ok || result.plan.wound === 'input' || result.plan.wound === 'local') continue
    counts.set(result.plan.wound, (counts.get(result.plan.wound) ?? 0) + 1)
  }
  return [...counts].toSorted(([, a], [, b]) => b - a)[0]?.[0]
}
