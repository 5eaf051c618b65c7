import { availableParallelism } from 'node:os'
import { loadEngine } from '../../src/executor/load-engine.ts'
import { type VerifiedWounds, verifyWounds } from '../../src/executor/verify-wounds.ts'
import type { LayerGraph } from '../../src/model-graph/layer-graph.ts'
import { loadModel } from '../../src/model-graph/load-model.ts'
import { bestRingWounds, twoBranchWounds } from '../../src/model-graph/ring-wounds.ts'
import { findRings } from '../../src/model-graph/rings.ts'
import { singleWounds } from '../../src/model-graph/single-wounds.ts'
import type { Wound } from '../../src/model-graph/wound.ts'
import { woundFacts } from '../../src/model-graph/wound-facts.ts'
import { readOptions, wholeNumber } from '../../src/terminal/options.ts'
import { progressBar, terminalProgress } from '../../src/terminal/progress.ts'
import { grouped, textTable } from '../../src/terminal/text-table.ts'
import { engineName } from '../engine-option.ts'
import { modelOptions, readModelOptions } from '../model-options.ts'
import { optimalWounds } from './optimal-wounds.ts'

/** Of the largest value of an output, or of 1 where that is larger. */
const tolerance = 1e-4

/** Every wound of one tensor and the best of several; see `commands.ts` for the options. */
export async function wounds(args: readonly string[]): Promise<number> {
  const { values } = readOptions(args, {
    options: {
      ...modelOptions,
      all: { type: 'boolean' },
      optimal: { type: 'boolean' },
      edge: { type: 'string' },
      backend: { type: 'string' },
      verify: { type: 'boolean' },
      'verify-limit': { type: 'string' },
      engine: { type: 'string' },
      json: { type: 'boolean' },
    },
  })
  const { source, options } = readModelOptions(values, 'wounds')
  const engine = engineName(values.engine ?? 'onnxruntime')
  const limit =
    values['verify-limit'] === undefined ? Infinity : wholeNumber(values['verify-limit'], '--verify-limit', 1)
  const model = await loadModel(source, options)
  const { graph } = model
  if (values.optimal === true) return optimalWounds(source, model, values)

  const singles = singleWounds(graph)
  const several = values.all === true ? twoBranchWounds(graph) : bestRingWounds(graph, singles)
  const found = [...singles, ...several].toSorted((a, b) => a.head.length - b.head.length)
  let verified: (VerifiedWounds & { readonly engine: string }) | undefined
  if (values.verify === true || values['verify-limit'] !== undefined) {
    const progress = terminalProgress()
    const sample = evenSample(
      found.filter(({ id }) => id !== 'local'),
      limit,
    )
    const result = await verifyWounds(model, await loadEngine(engine), sample, {
      threads: availableParallelism(),
      onChecked: (checked) => progress.show(progressBar(checked, sample.length, 'wounds cut and run')),
    })
    progress.clear()
    verified = { engine, ...result }
  }
  const rings = findRings(graph)
  if (values.json === true) {
    const { name, layers } = graph
    const facts = found.map((wound) => woundFacts(graph, wound))
    const constantOutputs = [...(model.constantOutputs?.keys() ?? [])]
    const document = {
      model: name,
      layers: layers.length,
      rings: rings.length,
      constantOutputs,
      wounds: facts,
    }
    console.log(
      JSON.stringify({ ...document, ...(verified === undefined ? {} : { verified }) }, undefined, 2),
    )
  } else {
    console.log(listing(graph, found))
    const multiple =
      values.all === true ? 'pairs in two-branch rings' : 'best ones inside rings (--all lists every pair)'
    console.log(
      `\n${graph.name}: ${graph.layers.length} layers, ${rings.length} rings, ${singles.length} wounds of one tensor (input and local included), ${several.length} ${multiple}`,
    )
    for (const name of model.constantOutputs?.keys() ?? [])
      console.log(`output '${name}' shows nothing: it is constant, both ends know it`)
    if (verified !== undefined) console.log(verdict(verified))
  }
  return verified === undefined || isEqual(verified) ? 0 : 1
}

function listing(graph: LayerGraph, found: readonly Wound[]): string {
  const rows = found.map((wound) => {
    const { id, tensors, edgeLayers, backendLayers, edgeOps, backendOps } = woundFacts(graph, wound)
    const after = [...new Set(wound.tensors.map((tensor) => graph.tensors[tensor]!.producer))]
    return [
      id,
      `[${after.join(', ')}]`,
      tensors.map(({ shape }) => shape.join('x')).join(' + '),
      grouped(tensors.reduce((sum, { bytes }) => sum + bytes, 0)),
      edgeLayers,
      backendLayers,
      (edgeOps / 1e6).toFixed(1),
      (backendOps / 1e6).toFixed(1),
    ]
  })
  return textTable([
    ['wound', 'layers', 'tensors', 'bytes', 'edge', 'backend', 'edge Mops', 'backend Mops'],
    ...rows,
  ])
}

function isEqual({ maxAbsDiff, isSilent }: VerifiedWounds): boolean {
  return maxAbsDiff <= tolerance && !isSilent
}

function verdict(verified: VerifiedWounds & { readonly engine: string }): string {
  const { engine, checked, maxAbsDiff, worst, silentOutputs, isSilent } = verified
  const where = worst === '' ? '' : ` (at ${worst})`
  const told = silentOutputs.map(
    (name) => `\noutput '${name}' shows nothing: it is the same for other inputs, or no number`,
  )
  if (isSilent) return `NOT verified on ${engine}: no output shows anything${told.join('')}`
  const word = maxAbsDiff <= tolerance ? 'equal' : 'DIFFERENT'
  return `verified on ${engine}: ${checked} wounds cut and run, head + tail ${word}, largest difference ${maxAbsDiff.toExponential(2)}${where}${told.join('')}`
}

/** At most `limit` of the items, first and last among them. */
function evenSample<Item>(items: readonly Item[], limit: number): readonly Item[] {
  if (items.length <= limit) return items
  return Array.from(
    { length: limit },
    (_, i) => items[Math.round((i * (items.length - 1)) / Math.max(1, limit - 1))]!,
  )
}
