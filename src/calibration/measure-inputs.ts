import { probabilities } from '../answer/probabilities.ts'
import { ahead } from '../async/ahead.ts'
import type { CalibrationRow } from '../codec/calibration-file.ts'
import { decodeInput, encodeInput, parseInputCodec } from '../codec/image-codecs.ts'
import type { Executable } from '../executor/engine.ts'
import type { Model } from '../model-graph/model.ts'
import { calibratable } from './calibratable.ts'
import type { CalibrationImage } from './calibration-image.ts'
import { codecTimes, spread } from './codec-times.ts'
import type { Journal } from './journal.ts'
import { decodedAhead } from './measure-features.ts'
import { RowStatistics } from './row-statistics.ts'

/** AVIF takes 30 ms for one. */
const timedImages = 8

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
      const encode = async (received: Uint8Array) => encodeInput(received, input, parsed)
      const decode = (bytes: Uint8Array) => decodeInput(codec, bytes, input)
      const sent = ahead(images, decodedAhead, async (image) => {
        const bytes = await encode(await image.read())
        return { bytes: bytes.length, value: await decode(bytes), label: image.label }
      })
      let at = 0
      for await (const { bytes, value, label } of sent) {
        const [answer] = await whole.run([value])
        statistics.add(truths[at++]!, probabilities(answer!.data, output.kind), bytes, label)
      }
      const received = await Promise.all(spread(images, timedImages).map((image) => image.read()))
      const times = await codecTimes(received.map((bytes) => ({ encode: () => encode(bytes), decode })))
      return statistics.row('input', codec, times)
    })
    progress(`input ${codec}: ${Math.round(row.bytesMean)} B, agreement ${row.agreement}`)
    rows.push(row)
  }
  return rows
}
