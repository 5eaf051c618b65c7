import { instance } from '@viz-js/viz'
import type { LayerGraph } from '../model-graph/layer-graph.ts'
import { type DrawOptions, drawGraph } from './draw-graph.ts'
import { graphPage } from './graph-page.ts'

/** A layer graph laid out by Graphviz, as an SVG document. */
export async function graphSvg(graph: LayerGraph, options: DrawOptions): Promise<string> {
  const viz = await instance()
  return viz.renderString(drawGraph(graph, options).graph, { format: 'svg' })
}

/** The same as a page that pans, zooms and tells a layer's facts; it needs no network. */
export async function graphHtml(graph: LayerGraph, options: DrawOptions): Promise<string> {
  const viz = await instance()
  const { graph: drawing, boxes } = drawGraph(graph, options)
  return graphPage(graph, options.title ?? graph.name, viz.renderString(drawing, { format: 'svg' }), boxes)
}
