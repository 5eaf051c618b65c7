import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { codecSpeed } from '../../bench/codec-speed.ts'
import { kltSpeed, manyChannelsSpeed } from '../../bench/klt-speed.ts'
import { runCalibration } from '../../src/calibration/run-calibration.ts'
import { kltLevels } from '../../src/codec/klt/klt-parameters.ts'
import { readOptions, wholeNumber, wholeNumbers } from '../../src/terminal/options.ts'
import { progressLine } from '../../src/terminal/progress-line.ts'

/** `surgeon bench codec`: calibration's rows without writing anything beside the model, and the speed on a large map. */
export async function benchCodec(args: readonly string[]): Promise<number> {
  const { values } = readOptions(args, {
    options: {
      model: { type: 'string', default: 'mobilenetv2' },
      images: { type: 'string' },
      labels: { type: 'string' },
      limit: { type: 'string' },
      wounds: { type: 'string' },
      levels: { type: 'string' },
      json: { type: 'boolean' },
    },
  })
  const limit = values.limit === undefined ? undefined : wholeNumber(values.limit, '--limit', 1)
  const levels =
    values.levels === undefined ? undefined : wholeNumbers(values.levels, '--levels', kltLevels.coarsest)
  const progress = progressLine()
  const rows: object[] = []
  const { images, labels } = values
  for (const model of images === undefined ? [] : values.model.split(',')) {
    const directory = await mkdtemp(join(tmpdir(), 'surgeon-bench-'))
    try {
      const wounds = values.wounds?.split(',')
      const run = {
        model,
        images: images!,
        labels,
        limit,
        wounds,
        levels,
        directory,
        progress: progress.show,
      }
      const result = await runCalibration(run)
      rows.push(...result.rows.map((row) => ({ model: result.loaded.manifest.name, ...row })))
    } finally {
      await rm(directory, { recursive: true, force: true })
    }
  }
  const speed = codecSpeed()
  for (const model of values.model.split(',')) speed.push(...(await kltSpeed(model)))
  speed.push(...manyChannelsSpeed())
  progress.end()
  const report = { rows, speed }
  process.stdout.write(values.json ? `${JSON.stringify(report, undefined, 2)}\n` : `${table(rows, speed)}\n`)
  return 0
}

function table(rows: readonly object[], speed: readonly object[]): string {
  const lines = [...rows, ...speed].map((row) => Object.values(row).join('\t'))
  return lines.join('\n')
}
