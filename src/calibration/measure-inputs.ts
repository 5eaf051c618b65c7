import { probabilities } from '../answer/probabilities.ts'
import type { CalibrationRow } from '../codec/calibration-file.ts'
import {
  decodeInput,
  encodeInput,
  encodePixels,
  parseInputCodec,
  readEncodedPixels,
} from '../codec/image-codecs.ts'
import { pixelsToInput } from '../codec/pixels-to-input.ts'
import { channelsOf } from '../model-graph/manifest.ts'
import type { Model } from '../model-graph/model.ts'
import { answered } from './answered.ts'
import { calibratable } from './calibratable.ts'
import type { CalibrationImage } from './calibration-image.ts'
import { codecTimes, spread } from './codec-times.ts'
import type { Journal } from './journal.ts'
import { RowStatistics } from './row-statistics.ts'
import type { RunAll } from './run-together.ts'

/** AVIF takes 30 ms for one. */
const timedImages = 6

export interface MeasureInputs {
  readonly model: Model
  readonly answers: RunAll
  readonly images: readonly CalibrationImage[]
  /** Of each image, as the model sees it. */
  readonly pixels: readonly Uint8Array[]
  /** Class probabilities of the whole model, per image. */
  readonly truths: readonly Float32Array[]
  readonly codecs: readonly string[]
  readonly journal: Journal
  readonly progress: (text: string) => void
}

/** One row per codec of the wound `input`: the picture itself, as it came or re-encoded. */
export async function measureInputs(options: MeasureInputs): Promise<CalibrationRow[]> {
  const { model, answers, images, pixels, truths, codecs, journal, progress } = options
  const { input, output } = calibratable(model.manifest)
  const rows: CalibrationRow[] = []
  for (const codec of codecs) {
    const row = await journal.once(`input ${codec}`, async () => {
      const parsed = parseInputCodec(codec)
      const statistics = new RowStatistics()
      const encode = async (received: Uint8Array) => encodeInput(received, input, parsed)
      const decode = (bytes: Uint8Array) => decodeInput(codec, bytes, input)
      if (parsed.kind === 'encoded') {
        const send = async (picture: Uint8Array, i: number) => {
          // Another size or colours where the model sees none are of the picture as it came.
          const bytes =
            parsed.width === undefined && channelsOf(input) === 3
              ? await encodePixels(picture, input, parsed)
              : await encode(await images[i]!.read())
          const value = pixelsToInput(await readEncodedPixels(bytes, input, parsed), input)
          return { bytes: bytes.length, request: [value] }
        }
        let at = 0
        for await (const { made, outputs } of answered(pixels, send, answers)) {
          const result = probabilities(outputs[0]!.data, output.kind)
          statistics.add(truths[at]!, result, made.bytes, images[at]!.label)
          at++
        }
      } else {
        // The very pixels that the reference answers are of.
        for (const [i, image] of images.entries()) {
          const { length } = parsed.kind === 'raw' ? pixels[i]! : await image.read()
          statistics.add(truths[i]!, truths[i]!, length, image.label)
        }
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
