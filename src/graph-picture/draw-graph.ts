/** A layer graph as Graphviz draws it: pure data, laid out by `render-picture.ts`. */

import type { Attributes, Edge, Graph, Node, Subgraph } from '@viz-js/viz'
import { escapeMarkup } from '../markup/escape-markup.ts'
import { elementsOf, type GraphTensor, type LayerGraph } from '../model-graph/layer-graph.ts'
import { findRings, type Ring, type RingKind } from '../model-graph/rings.ts'
import { singleWounds } from '../model-graph/single-wounds.ts'
import { familyColour } from './layer-family.ts'
import { type RingGroup, ringGroups } from './ring-groups.ts'
import { textWidth } from './text-width.ts'

export interface DrawOptions {
  /** Draw each group of a ring as one box. */
  readonly folded: boolean
  /** Tensors that cross in a plan which is the best at some prices. */
  readonly optimal?: ReadonlySet<number> | undefined
  /** Heading; the graph's own name by default. */
  readonly title?: string
}

export interface Drawing {
  readonly graph: Graph
  /** Layers that each box stands for, by the box's id in the picture. */
  readonly boxes: ReadonlyMap<string, readonly number[]>
}

const ringColours: Readonly<Record<RingKind, string>> = {
  'residual-identity': '#e8f1fb',
  'residual-projection': '#e3f4ea',
  branches: '#f1eafa',
  cell: '#fff3e2',
}

const ringTitles: Readonly<Record<RingKind, string>> = {
  'residual-identity': 'residual, identity',
  'residual-projection': 'residual, projection',
  branches: 'branches',
  cell: 'cell',
}

const woundColour = '#c81e1e'
const optimalWidth = 4

/** Layer index and name in each box, rings shaded, bytes on edges, wounds of one tensor red. */
export function drawGraph(graph: LayerGraph, { folded, optimal, title = graph.name }: DrawOptions): Drawing {
  const rings = findRings(graph)
  const groups = ringGroups(graph, rings)
  const groupOf = new Map(groups.flatMap((group) => group.layers.map((layer) => [layer, group] as const)))
  const boxes = new Map<string, readonly number[]>()
  const boxOf = (layer: number): string => {
    const group = folded ? groupOf.get(layer) : undefined
    return group === undefined ? `layer_${layer}` : `group_${group.root}`
  }
  const nodes: Node[] = []
  for (const { index } of graph.layers) {
    const name = boxOf(index)
    const group = folded ? groupOf.get(index) : undefined
    if (boxes.has(name)) continue
    boxes.set(name, group?.layers ?? [index])
    const attributes = group === undefined ? layerAttributes(graph, index) : groupAttributes(graph, group)
    nodes.push({ name, attributes: { ...attributes, id: name } })
  }
  const drawing: Graph = {
    name: graph.name,
    directed: true,
    graphAttributes: {
      rankdir: 'TB',
      fontname: font,
      fontsize: 16,
      label: { html: caption(graph, rings, { folded, optimal, title }) },
      labelloc: 't',
      nodesep: 0.2,
      ranksep: 0.28,
      newrank: true,
    },
    nodeAttributes: {
      shape: 'box',
      style: 'rounded,filled',
      fontname: font,
      fontsize: boxPointSize,
      margin: '0.1,0.04',
      height: 0.3,
      color: '#666666',
    },
    edgeAttributes: { fontname: font, fontsize: 9, arrowsize: 0.6, color: '#888888', fontcolor: '#555555' },
    edges: edges(graph, boxOf, optimal),
    ...(folded ? { nodes } : { nodes: [], subgraphs: [{ nodes }, ...clusters(rings, groups)] }),
  }
  return { graph: drawing, boxes }
}

const font = 'Helvetica,Arial,sans-serif'
const boxPointSize = 10

function layerAttributes(graph: LayerGraph, index: number): Attributes {
  const { name, type, outputs } = graph.layers[index]!
  const shapes = outputs.map((id) => shapeText(graph.tensors[id]!)).join(', ')
  const kind = type === 'InputLayer' ? 'input' : type
  const lines = twoLines(String(index), shortName(name), `${kind} · ${shapes}`)
  return { ...lines, fillcolor: familyColour(type), tooltip: name }
}

function groupAttributes(graph: LayerGraph, { root, kind, layers }: RingGroup): Attributes {
  const { name, outputs } = graph.layers[root]!
  const shapes = outputs.map((id) => shapeText(graph.tensors[id]!)).join(', ')
  const what = `${ringTitles[kind]} · ${layers.length} layers · ${shapes}`
  return {
    ...twoLines(`${layers[0]!}-${root}`, shortName(name), what),
    fillcolor: ringColours[kind],
    peripheries: 2,
    style: 'filled',
    tooltip: `${graph.layers[layers[0]!]!.name} … ${name}`,
  }
}

/** One edge per pair of boxes; a tensor's size stands once, on the edge to its first reader. */
function edges(
  graph: LayerGraph,
  boxOf: (layer: number) => string,
  optimal: ReadonlySet<number> = new Set(),
): Edge[] {
  const wounds = new Set(singleWounds(graph).flatMap(({ tensors }) => (tensors.length === 1 ? tensors : [])))
  const drawn = new Map<string, Edge>()
  for (const tensor of graph.tensors) {
    const tail = boxOf(tensor.producer)
    const heads = new Set(tensor.consumers.map(boxOf))
    heads.delete(tail)
    for (const [position, head] of [...heads].entries()) {
      const key = `${tail}>${head}`
      if (drawn.has(key)) continue
      const size = bytesText(4 * elementsOf(tensor))
      const isWound = wounds.has(tensor.id)
      const isThick = optimal.has(tensor.id)
      // Room on the left, or the first sign lies on the arrow.
      const room = ' '.repeat(isThick ? 4 : 2)
      const label = position > 0 ? {} : { label: `${room}${isWound ? '✂ ' : ''}${size}` }
      const red = isWound ? { color: woundColour, fontcolor: woundColour, penwidth: 1.6 } : {}
      const thick = isThick ? { penwidth: optimalWidth } : {}
      const tooltip = `${tensor.name}: ${shapeText(tensor)}, ${size}`
      drawn.set(key, {
        tail,
        head,
        attributes: { ...label, ...red, ...thick, tooltip, edgetooltip: tooltip },
      })
    }
  }
  return [...drawn.values()]
}

/** Shaded rings: groups outside, rings made out inside them within. */
function clusters(rings: readonly Ring[], groups: readonly RingGroup[]): Subgraph[] {
  const inner = rings.flatMap((ring) => [ring, ...nestedRings(ring)]).filter(({ kind }) => kind !== 'cell')
  return groups.map((group): Subgraph => {
    const members = new Set(group.layers)
    // A ring's entry may be another's exit, so it stays outside.
    const nested = inner
      .map((ring) => ({ ring, layers: ring.layers.filter((layer) => layer !== ring.entry) }))
      .filter(({ layers }) => layers.length < members.size && layers.every((layer) => members.has(layer)))
    return {
      ...cluster(`cluster-group-${group.root}`, group.kind, group.layers),
      subgraphs: nested.map(({ ring, layers }) =>
        cluster(`cluster-ring-${ring.entry}-${ring.exit}`, ring.kind, layers),
      ),
    }
  })
}

function nestedRings(ring: Ring): Ring[] {
  return ring.nested.flatMap((inner) => [inner, ...nestedRings(inner)])
}

function cluster(name: string, kind: RingKind, layers: readonly number[]): Subgraph {
  return {
    name,
    graphAttributes: {
      style: 'filled,rounded',
      color: '#cccccc',
      fillcolor: ringColours[kind],
      label: ringTitles[kind],
      fontsize: 9,
      fontcolor: '#777777',
      labeljust: 'r',
      labelloc: 'b',
      margin: 6,
    },
    nodes: layers.map((layer) => ({ name: `layer_${layer}` })),
  }
}

/** Title and legend. */
function caption(
  graph: LayerGraph,
  rings: readonly Ring[],
  { folded, optimal, title = graph.name }: DrawOptions,
): string {
  const wounds = singleWounds(graph).length
  const counts = [
    `${graph.layers.length} layers`,
    `${rings.length} ring${rings.length === 1 ? '' : 's'}`,
    `${wounds} wounds of one tensor`,
  ].join(', ')
  const shown = folded ? rings : rings.flatMap((ring) => [ring, ...nestedRings(ring)])
  const kinds = [...new Set(shown.map(({ kind }) => kind))]
  const scissors = '✂ red: one tensor crosses'
  const thick = 'thick: crosses in a plan that is the best for some link and machines'
  const rows = [
    cell(`<b><font point-size="16">${escapeMarkup(title)}</font></b>`, textWidth(title, 16, 'bold')),
    cell(`<font point-size="12">${counts}</font>`, textWidth(counts, 12)),
    cell(`<font color="${woundColour}" point-size="11">${scissors}</font>`, textWidth(scissors, 11)),
    ...(optimal === undefined ? [] : [cell(`<font point-size="11">${thick}</font>`, textWidth(thick, 11))]),
    ...kinds.map((kind) =>
      cell(
        `<font point-size="11">${ringTitles[kind]}</font>`,
        textWidth(ringTitles[kind], 11),
        ` bgcolor="${ringColours[kind]}"`,
      ),
    ),
  ]
  return `<table border="0" cellborder="0" cellspacing="2" cellpadding="2">${rows.map((row) => `<tr>${row}</tr>`).join('')}</table>`
}

function cell(content: string, width: number, more = ''): string {
  // From the left, where its room begins: Graphviz would centre what it takes the text to be wide.
  return `<td align="left" width="${Math.ceil(width)}"${more}>${content}</td>`
}

/**
 * A box's two lines, and a width in inches in which they fit. Plain text and no HTML: of that Graphviz places each run at
 * its left end, by its own guess of the width, and it runs out of the box on the right.
 */
function twoLines(numbers: string, name: string, below: string): Attributes {
  const lines = [`${numbers}  ${name}`, below]
  const widest = Math.max(...lines.map((line) => textWidth(line, boxPointSize)))
  // A backslash would begin one of Graphviz's own escapes.
  const label = lines.map((line) => line.replaceAll('\\', '\\\\')).join('\n')
  return { label, width: (widest + 16) / 72 }
}

function shapeText({ shape }: GraphTensor): string {
  return shape.join('×')
}

function bytesText(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`
  const [value, unit] = bytes < 999_500 ? [bytes / 1e3, 'kB'] : [bytes / 1e6, 'MB']
  return `${value < 99.95 ? value.toFixed(1) : value.toFixed(0)} ${unit}`
}

/** Exporters make names of whole paths; the end tells layers apart. */
function shortName(name: string): string {
  return name.length <= 40 ? name : `…${name.slice(-39)}`
}
