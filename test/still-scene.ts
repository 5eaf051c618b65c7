import { readFile } from 'node:fs/promises'
import sharp from 'sharp'
import { seededRandom } from '../lab/replay/random.ts'
import { bundledPhoto } from './model-input.ts'

/**
 * What a camera sends of a still scene: a bundled photo in JPEGs, 320 pixels wide, each number of each pixel with noise of
 * its own, normal, of `sigma` of 255 levels; a phone in a dim room has some 6.
 */
export async function* stillScene(photo: string, frames: number, sigma: number): AsyncGenerator<Uint8Array> {
  const random = seededRandom(7)
  // Box and Muller, Annals of Mathematical Statistics 29, 1958.
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
  const { data, info } = await sharp(await readFile(bundledPhoto(photo)))
    .resize(320)
    .removeAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true })
  // Each frame begins at another place of one long noise.
  const noise = Float32Array.from({ length: 3 * data.length }, () => sigma * normal())
  for (let i = 0; i < frames; i++) {
    const from = Math.floor(2 * data.length * random())
    const noisy = Uint8ClampedArray.from(data, (value, at) => value + noise[from + at]!)
    yield sharp(noisy, { raw: { width: info.width, height: info.height, channels: 3 } })
      .jpeg({ quality: 80 })
      .toBuffer()
  }
}
