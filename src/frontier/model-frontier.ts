import type { CalibrationRow } from '../codec/calibration-file.ts'
import { LayerRegression } from '../latency-model/layer-regression.ts'
import { layerWorks } from '../latency-model/layer-work.ts'
import type { Profile } from '../latency-model/profile.ts'
import { findWound } from '../model-graph/find-wound.ts'
import type { LayerGraph } from '../model-graph/layer-graph.ts'
import { crossingOptions } from './crossing-options.ts'
import { frontier } from './frontier.ts'
import { layerTimesUs, type TimedPart } from './layer-times.ts'
import type { FrontierPlan } from './plan-costs.ts'

export interface KnownCosts {
  /** Profiles of the two machines; without one, layers take what their operations and bytes suggest: how slow a
   * machine is only stretches a price. */
  readonly edge?: Profile | undefined
  readonly backend?: Profile | undefined
  /** Of the model's calibration, those that may be used. */
  readonly rows?: readonly CalibrationRow[] | undefined
}

/**
 * {@link frontier} from what is known of a model and two machines.
 * @throws {RangeError} where a profile has a wound that the graph has not.
 */
export function modelFrontier(graph: LayerGraph, { edge, backend, rows }: KnownCosts = {}): FrontierPlan[] {
  const works = layerWorks(graph)
  const timesOn = (profile: Profile | undefined) => {
    const parts = profile === undefined ? [] : timedParts(graph, profile)
    const regression = new LayerRegression()
    for (const { layers, ms } of parts) {
      regression.observe({ works: layers.flatMap((layer) => works[layer]!), ms })
    }
    return layerTimesUs(graph, (layer) => regression.predictMs(layer, 0), parts)
  }
  return frontier(graph, {
    edgeUs: timesOn(edge),
    backendUs: timesOn(backend),
    crossings: crossingOptions(graph, rows),
  })
}

/** The tensors that cross in some plan of a frontier. */
export function crossingTensors(plans: readonly FrontierPlan[]): Set<number> {
  return new Set(plans.flatMap(({ crossing }) => crossing.map(({ tensor }) => tensor)))
}

function timedParts(graph: LayerGraph, { segments }: Profile): TimedPart[] {
  return segments.map(({ from, to, medianMs: ms }) => {
    const before = new Set(findWound(graph, from).head)
    return { layers: findWound(graph, to).head.filter((layer) => !before.has(layer)), ms }
  })
}
