import { fileURLToPath } from 'node:url'
import sharp from 'sharp'
import { type Manifest, requirePicture } from '../src/model-graph/manifest.ts'
import type { TensorValue } from '../src/tensor/tensor-value.ts'
import { repositoryRoot } from './paths.ts'

/** A photo as a model's input, channels first, prepared as its manifest says. */
export async function photoInput(path: string, manifest: Manifest): Promise<TensorValue> {
  const { width, height, channels, mean, scale } = requirePicture(manifest)
  const pixels = await sharp(path).resize(width, height, { fit: 'fill' }).removeAlpha().raw().toBuffer()
  const size = width * height
  const data = new Float32Array(3 * size)
  for (let channel = 0; channel < 3; channel += 1) {
    const source = channels !== 'bgr' ? channel : 2 - channel
    for (let i = 0; i < size; i += 1) {
      data[channel * size + i] = (pixels[i * 3 + source]! - mean[channel]!) / scale[channel]!
    }
  }
  return { shape: [1, 3, height, width], data }
}

export function bundledPhoto(name: string): string {
  return fileURLToPath(new URL(`photos/${name}.jpg`, repositoryRoot))
}

/** Index of the largest value. */
export function argmax(values: Float32Array): number {
  return values.indexOf(Math.max(...values))
}

export function maxAbsDiff(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY
  // NaN must not pass for agreement.
  return a.reduce((max, value, i) => (Math.abs(value - b[i]!) <= max ? max : Math.abs(value - b[i]!)), 0)
}
