import { writeFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { crossingTensors, modelFrontier } from '../../src/frontier/model-frontier.ts'
import { graphHtml, graphSvg } from '../../src/graph-picture/render-picture.ts'
import { loadModel } from '../../src/model-graph/load-model.ts'
import { readOptions } from '../../src/terminal/options.ts'
import { terminalProgress } from '../../src/terminal/progress.ts'
import { UsageError } from '../../src/terminal/usage-error.ts'
import { modelOptions, readModelOptions } from '../model-options.ts'

/** Above this many layers a picture shows rings folded, unless told otherwise. */
const largestUnfolded = 100

/** Draws the layer graph to an SVG or HTML file. */
export async function graph(args: readonly string[]): Promise<number> {
  const { values } = readOptions(args, {
    options: {
      ...modelOptions,
      out: { type: 'string' },
      fold: { type: 'boolean' },
      unfold: { type: 'boolean' },
    },
  })
  const { source, options } = readModelOptions(values, 'graph')
  const { out } = values
  if (out === undefined || !/\.(svg|html)$/.test(out)) {
    throw new UsageError(`surgeon graph needs --out FILE.svg or FILE.html, current value is ${out ?? 'none'}`)
  }
  if (values.fold === true && values.unfold === true)
    throw new UsageError('--fold and --unfold exclude each other')
  const progress = terminalProgress()
  progress.show(`laying out ${source}`)
  const startMs = performance.now()
  const { graph: layers } = await loadModel(source, options)
  const title = basename(source.replace(/^zoo:/, ''))
  const large = layers.layers.length > largestUnfolded
  const folded = values.fold ?? (values.unfold === true ? false : large)
  const picture = await (out.endsWith('.svg') ? graphSvg : graphHtml)(layers, {
    folded,
    title,
    optimal: crossingTensors(modelFrontier(layers)),
  })
  progress.clear()
  await writeFile(out, picture).catch((cause: Error) => {
    throw new Error(`Cannot write picture: ${out} must be writable (${cause.message})`, { cause })
  })
  const hint = folded && values.fold !== true ? ', rings folded (--unfold shows every layer)' : ''
  console.log(
    `${out}: ${layers.layers.length} layers${hint}, ${((performance.now() - startMs) / 1000).toFixed(1)} s`,
  )
  return 0
}
