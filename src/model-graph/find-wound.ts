import type { LayerGraph } from './layer-graph.ts'
import { singleWounds } from './single-wounds.ts'
import type { Wound } from './wound.ts'
import { woundFromHead } from './wound-from-head.ts'

/**
 * The wound called `name`: `input`, `local`, a layer name after which one tensor crosses, or layer names joined by
 * `+` after which exactly their tensors cross.
 * @throws {RangeError} where there is no such layer, or more would cross than the name says; the message names what
 * would cross and the nearest single-tensor wounds.
 */
export function findWound(graph: LayerGraph, name: string): Wound {
  const singles = singleWounds(graph)
  const single = singles.find(({ id }) => id === name)
  if (single !== undefined) return single

  const byName = new Map(graph.layers.map((layer) => [layer.name, layer.index]))
  // A layer's own name may contain the sign.
  const parts = byName.has(name) ? [name] : name.split('+')
  const after = parts.map((part) => {
    const index = byName.get(part)
    if (index === undefined) throw unknownLayer(graph, part)
    return index
  })
  const wound = woundFromHead(graph, ancestors(graph, after))
  const crossing = wound.id === 'local' ? graph.outputs : wound.tensors
  const made = new Set(crossing.map((id) => graph.tensors[id]!.producer))
  if (made.size === new Set(after).size && after.every((index) => made.has(index))) return wound

  const position = Math.max(...after)
  const before = singles.findLast(({ id, head }) => id !== 'local' && head.at(-1)! < position)
  const next = singles.find(({ head }) => head.at(-1)! > position)
  throw new RangeError(
    `Cannot cut ${graph.name} after '${name}': all crossing tensors must be named, current ones are '${wound.id}'; ` +
      `nearest single-tensor wounds are '${before?.id ?? 'input'}' and '${next?.id ?? 'local'}'`,
  )
}

/** The layers named, everything they need, and the input layers. */
function ancestors(graph: LayerGraph, layers: readonly number[]): Set<number> {
  const found = new Set(graph.inputs.map((tensor) => graph.tensors[tensor]!.producer))
  const open = [...layers]
  for (let index = open.pop(); index !== undefined; index = open.pop()) {
    if (found.has(index)) continue
    found.add(index)
    for (const tensor of graph.layers[index]!.inputs) open.push(graph.tensors[tensor]!.producer)
  }
  return found
}

function unknownLayer(graph: LayerGraph, name: string): RangeError {
  const wanted = name.toLowerCase()
  const similar = graph.layers
    .map((layer) => layer.name)
    .filter((other) => other.toLowerCase().includes(wanted))
  const hint = similar.length > 0 ? `, similar ones are ${similar.slice(0, 5).join(', ')}` : ''
  return new RangeError(
    `Cannot cut ${graph.name}: wound must be 'input', 'local' or a layer's name, current value is '${name}'${hint}`,
  )
}
