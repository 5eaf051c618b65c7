import { modelCalibration } from '../../src/codec/model-codecs.ts'
import { modelFrontier } from '../../src/frontier/model-frontier.ts'
import type { FrontierPlan } from '../../src/frontier/plan-costs.ts'
import { givenProfile } from '../../src/latency-model/profile-store.ts'
import type { LayerGraph } from '../../src/model-graph/layer-graph.ts'
import type { Model } from '../../src/model-graph/model.ts'
import { findRings } from '../../src/model-graph/rings.ts'
import { woundFacts } from '../../src/model-graph/wound-facts.ts'
import { woundFromHead } from '../../src/model-graph/wound-from-head.ts'
import { accuracyBudget } from '../../src/scheduler/accuracy-budget.ts'
import { grouped, textTable } from '../../src/terminal/text-table.ts'

interface OptimalOptions {
  readonly edge?: string
  readonly backend?: string
  readonly json?: boolean
}

/** Lists the plans that are the best at some prices of edge, uplink and backend; no other can be. */
export async function optimalWounds(
  source: string,
  { graph, hash }: Model,
  { edge, backend, json }: OptimalOptions,
): Promise<number> {
  const calibration = await modelCalibration(source, hash)
  const allowed = new Set(
    calibration && accuracyBudget(calibration).allowed.map(({ wound, codec }) => `${wound} ${codec}`),
  )
  const rows = calibration?.rows.filter(({ wound, codec }) => allowed.has(`${wound} ${codec}`))
  const plans = modelFrontier(graph, {
    edge: await givenProfile(edge, hash),
    backend: await givenProfile(backend, hash),
    rows,
  })
  if (json === true) {
    const wounds = plans.map((plan) => ({
      ...woundFacts(graph, woundFromHead(graph, plan.head)),
      codecs: plan.crossing.map(({ codec }) => codec),
      edgeMs: plan.edgeUs / 1000,
      uplinkBytes: plan.uplinkBytes,
      backendMs: plan.backendUs / 1000,
    }))
    const document = { model: graph.name, layers: graph.layers.length, rings: findRings(graph).length }
    console.log(JSON.stringify({ ...document, wounds }, undefined, 2))
  } else {
    console.log(listing(graph, plans))
    const where = (profile: string | undefined) => profile ?? 'estimated, only ratios mean anything'
    console.log(
      `\n${graph.name}: ${plans.length} plans are the best at some speed of edge, uplink and backend. Edge: ${where(edge)}. Backend: ${where(backend)}.`,
    )
  }
  return 0
}

function listing(graph: LayerGraph, plans: readonly FrontierPlan[]): string {
  const rows = plans.map(({ head, crossing, edgeUs, uplinkBytes, backendUs }) => [
    woundFromHead(graph, head).id,
    crossing.map(({ codec }) => codec).join(' + '),
    grouped(uplinkBytes),
    head.length,
    (edgeUs / 1000).toFixed(2),
    (backendUs / 1000).toFixed(2),
  ])
  return textTable([['wound', 'codecs', 'bytes', 'edge layers', 'edge ms', 'backend ms'], ...rows])
}
