import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { calibrationImages } from '../../src/calibration/calibration-images.ts'
import { bestCascade, type CascadeRow, cascadeRows, measureCascade } from '../../src/calibration/cascade.ts'
import { cascadeChart } from '../../src/calibration/cascade-chart.ts'
import { loadEngine } from '../../src/executor/load-engine.ts'
import { loadModel } from '../../src/model-graph/load-model.ts'
import { progressLine } from '../../src/terminal/progress-line.ts'

export interface CascadeOptions {
  readonly model: string
  /** The larger model. */
  readonly cascade: string
  readonly images: string
  readonly labels: string | undefined
  readonly limit: number
  /** Where the chart is written. */
  readonly directory: string
  readonly json: boolean
}

/** Which answers are worth asking a larger model for. */
export async function calibrateCascade(options: CascadeOptions): Promise<number> {
  const { directory, json } = options
  const models = { small: await loadModel(options.model), large: await loadModel(options.cascade) }
  const images = await calibrationImages(options.images, options.labels, options.limit)
  const progress = progressLine()
  const engine = await loadEngine('onnxruntime')
  const rows = cascadeRows(await measureCascade(models, engine, images, progress.show))
  progress.end()
  const best = bestCascade(rows)
  const [small, large] = [models.small.manifest.name, models.large.manifest.name]
  await mkdir(directory, { recursive: true })
  const chart = join(directory, 'cascade.svg')
  await writeFile(chart, cascadeChart(`${small}, then ${large}: ${images.length} pictures`, rows, best))
  if (json) {
    console.log(
      JSON.stringify({ model: small, cascade: large, images: images.length, best, rows }, undefined, 2),
    )
    return 0
  }
  console.log('   below      sent  agreement   accuracy')
  for (const [i, row] of rows.entries())
    if (row === best || i % 5 === 0 || i === rows.length - 1) console.log(described(row, row === best))
  console.log(
    `For a stream in the agent's configuration: cascade: { model: ${large}, below: ${Math.min(1, best.below)} }. Chart: ${chart}`,
  )
  return 0
}

function described({ below, sent, agreement, accuracy }: CascadeRow, isBest: boolean): string {
  const threshold = Number.isFinite(below) ? below.toFixed(2) : 'all'
  const right = accuracy === undefined ? '' : percents(accuracy)
  return `${threshold.padStart(8)} ${percents(sent).padStart(9)} ${percents(agreement).padStart(10)} ${right.padStart(10)}${isBest ? '  <' : ''}`
}

function percents(share: number): string {
  return `${(100 * share).toFixed(1)} %`
}
