import { type AnswerBody, AnswerReader } from '../answer/answer-reader.ts'
import { readPixels } from '../codec/image-input.ts'
import { pixelsToInput } from '../codec/pixels-to-input.ts'
import type { Engine } from '../executor/engine.ts'
import { wholeModel } from '../model-graph/cut.ts'
import { requirePicture } from '../model-graph/manifest.ts'
import type { Model } from '../model-graph/model.ts'
import type { CalibrationImage } from './calibration-image.ts'

export interface AnsweredImage {
  readonly bytes: Uint8Array
  readonly answer: AnswerBody
}

/**
 * What a model answers to each picture, computed whole. @param visit Told of each, so that no two need be held.
 * @throws {InputError} for one that cannot be read; {@link TypeError} where the model takes no picture.
 */
export async function answerImages(
  model: Model,
  engine: Engine,
  images: readonly CalibrationImage[],
  visit: (answered: AnsweredImage, index: number) => void | Promise<void>,
): Promise<void> {
  const input = requirePicture(model.manifest)
  const reader = new AnswerReader(model, [])
  const whole = await engine.compile(model, wholeModel(model.graph), { threads: 1 })
  try {
    for (const [i, image] of images.entries()) {
      const bytes = await image.read()
      const { made, width, height } = await readPixels(bytes, input)
      const outputs = await whole.run([pixelsToInput(made, input)])
      await visit({ bytes, answer: reader.read(outputs, { width, height }) }, i)
    }
  } finally {
    await whole.release()
  }
}
