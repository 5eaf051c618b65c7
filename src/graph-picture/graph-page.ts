import { escapeMarkup } from '../markup/escape-markup.ts'
import type { LayerGraph } from '../model-graph/layer-graph.ts'
import { findRings } from '../model-graph/rings.ts'
import { singleWounds } from '../model-graph/single-wounds.ts'
import { elementCount } from '../tensor/element-count.ts'
import { pageScript, pageStyle } from './page-assets.ts'

/**
 * A self-contained page around a picture. Names come from model files, so facts travel as data and are shown as text.
 * @param svg As Graphviz writes it; boxes have the ids of `boxes`.
 */
export function graphPage(
  graph: LayerGraph,
  heading: string,
  svg: string,
  boxes: ReadonlyMap<string, readonly number[]>,
): string {
  const facts = { layers: layerFacts(graph), boxes: Object.fromEntries(boxes) }
  const data = JSON.stringify(facts).replaceAll('<', '\\u003c')
  const picture = svg.slice(svg.indexOf('<svg'))
  const title = escapeMarkup(heading)
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width">
<title>${title}</title>
<style>${pageStyle}</style>
</head>
<body>
<main tabindex="0" aria-label="Layer graph: drag to pan, wheel to zoom, click a layer">${picture}</main>
<nav><button data-do="in" title="zoom in">+</button><button data-do="out" title="zoom out">−</button><button data-do="width" title="fit the width">↔</button><button data-do="all" title="show all">⤢</button><input type="search" placeholder="find a layer" aria-label="find a layer"></nav>
<aside hidden></aside>
<script type="application/json" id="facts">${data}</script>
<script>${pageScript}</script>
</body>
</html>
`
}

/** What the page tells of each layer, in the order of its rows. */
function layerFacts(graph: LayerGraph): Record<string, unknown>[] {
  const wounds = new Map(
    singleWounds(graph).flatMap(({ id, tensors }) => tensors.map((tensor) => [tensor, id] as const)),
  )
  const rings = findRings(graph)
  const named = (index: number): string => `${index} ${graph.layers[index]!.name}`
  return graph.layers.map((layer) => {
    const outputs = layer.outputs.map((id) => graph.tensors[id]!)
    const ring = rings.find(({ entry, layers }) => entry !== layer.index && layers.includes(layer.index))
    const cuts = layer.outputs.flatMap((id) => wounds.get(id) ?? [])
    return {
      layer: named(layer.index),
      type: layer.type,
      gives: outputs.map(
        ({ shape }) => `${shape.join(' × ')}: ${(4 * elementCount(shape)).toLocaleString('en-US')} bytes`,
      ),
      parameters: layer.weights
        .reduce((sum, { shape }) => sum + elementCount(shape), 0)
        .toLocaleString('en-US'),
      operations: layer.operations.toLocaleString('en-US'),
      'reads from': [...new Set(layer.inputs.map((id) => named(graph.tensors[id]!.producer)))],
      'read by': [...new Set(outputs.flatMap(({ consumers }) => consumers.map(named)))],
      'wound after it': cuts.length > 0 ? cuts : 'none of one tensor',
      ring: ring === undefined ? 'none' : `${ring.kind}, ${named(ring.entry)} to ${named(ring.exit)}`,
      weights: layer.weights.map(({ name, shape }) => `${name} [${shape.join(', ')}]`),
      ...(layer.definition.source === 'keras'
        ? { configuration: JSON.stringify(layer.definition.config, undefined, 1) }
        : {}),
    }
  })
}
