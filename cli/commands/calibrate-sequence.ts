import { calibrationImages } from '../../src/calibration/calibration-images.ts'
import { bestRow, measureSequence, sequenceRows } from '../../src/calibration/sequence.ts'
import { loadEngine } from '../../src/executor/load-engine.ts'
import { loadModel } from '../../src/model-graph/load-model.ts'
import { progressLine } from '../../src/terminal/progress-line.ts'

export interface SequenceOptions {
  readonly model: string
  /** Folder of a camera's frames. */
  readonly sequence: string
  readonly limit: number
  /** Share of all answers that may differ. */
  readonly mostDiffering: number
  readonly json: boolean
}

/** What `unchanged` would save of a camera's frames, and what it would change. */
export async function calibrateSequence(options: SequenceOptions): Promise<number> {
  const { mostDiffering, json } = options
  const model = await loadModel(options.model)
  const images = await calibrationImages(options.sequence, undefined, options.limit)
  const progress = progressLine()
  const engine = await loadEngine('onnxruntime')
  const rows = sequenceRows(await measureSequence(model, engine, images, progress.show))
  progress.end()
  const best = bestRow(rows, mostDiffering)
  if (json) {
    const { name } = model.manifest
    console.log(JSON.stringify({ model: name, frames: images.length, best, rows }, undefined, 2))
    return 0
  }
  console.log('difference    reused  answered otherwise')
  for (const { difference, reused, differing } of rows)
    console.log(
      `${String(difference).padStart(10)} ${percents(reused).padStart(9)} ${percents(differing).padStart(19)}${difference === best?.difference ? '  <' : ''}`,
    )
  const most = percents(mostDiffering)
  console.log(
    best === undefined || best.reused === 0
      ? `Nothing can be reused here without changing more than ${most} of the answers.`
      : `For a stream in the agent's configuration: unchanged: { difference: ${best.difference} }. It changes at most ${most} of the answers to these ${images.length} frames.`,
  )
  return 0
}

function percents(share: number): string {
  return `${(100 * share).toFixed(1)} %`
}
