import { probabilities } from '../answer/probabilities.ts'
import type { CalibrationRow } from '../codec/calibration-file.ts'
import { decodeInput, encodeInput, parseInputCodec } from '../codec/image-codecs.ts'
import type { Executable } from '../executor/engine.ts'
import type { Model } from '../model-graph/model.ts'
import { calibratable } from './calibratable.ts'
import type { CalibrationImage } from './calibration-image.ts'
import type { Journal } from './journal.ts'
import { RowStatistics } from './row-statistics.ts'

export interface MeasureInputs {
  readonly model: Model
  readonly whole: Executable
  readonly images: readonly CalibrationImage[]
  /** Class probabilities of the whole model, per image. */
  readonly truths: readonly Float32Array[]
  readonly codecs: readonly string[]
  readonly journal: Journal
  readonly progress: (text: string) => void
}

/** One row per codec of the wound `input`: the picture itself, as it came or re-encoded. */
export async function measureInputs(options: MeasureInputs): Promise<CalibrationRow[]> {
  const { model, whole, images, truths, codecs, journal, progress } = options
  const { input, output } = calibratable(model.manifest)
  const rows: CalibrationRow[] = []
  for (const codec of codecs) {
    const row = await journal.once(`input ${codec}`, async () => {
      const parsed = parseInputCodec(codec)
      const statistics = new RowStatistics()
      for (const [i, image] of images.entries()) {
        const received = await image.read()
        const beginMs = performance.now()
        const bytes = await encodeInput(received, input, parsed)
        const encodedMs = performance.now()
        const value = await decodeInput(codec, bytes, input)
        const decodedMs = performance.now()
        const [answer] = await whole.run([value])
        const cost = { bytes: bytes.length, encodeMs: encodedMs - beginMs, decodeMs: decodedMs - encodedMs }
        statistics.add(truths[i]!, probabilities(answer!.data, output.kind), cost, image.label)
      }
      return statistics.row('input', codec)
    })
    progress(`input ${codec}: ${Math.round(row.bytesMean)} B, agreement ${row.agreement}`)
    rows.push(row)
  }
  return rows
}
