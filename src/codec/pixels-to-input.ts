import { InputError } from '../input/input-error.ts'
import { channelsOf, type PictureInput } from '../model-graph/manifest.ts'
import type { TensorValue } from '../tensor/tensor-value.ts'

/**
 * The model's input, shape [1, channels, height, width], of pixels, row by row: (pixel - mean) / scale per
 * channel in the manifest's channel order.
 * @param data memory for it: fresh memory of that size costs more than filling it.
 * @throws {InputError} where they are not as many as the model takes.
 */
export function pixelsToInput(
  pixels: Uint8Array,
  input: PictureInput,
  data = new Float32Array(channelsOf(input) * input.width * input.height),
): TensorValue {
  const channels = channelsOf(input)
  const area = input.width * input.height
  if (pixels.length !== channels * area)
    throw new InputError(
      'unreadable',
      `Cannot read pixels: there must be ${channels * area} bytes, current value is ${pixels.length}`,
    )
  const table = new Float32Array(256)
  for (let channel = 0; channel < channels; channel++) {
    const from = input.channels === 'bgr' ? 2 - channel : channel
    const mean = input.mean[channel]!
    const scale = input.scale[channel]!
    for (let value = 0; value < table.length; value++) table[value] = (value - mean) / scale
    const start = channel * area
    for (let i = 0; i < area; i++) data[start + i] = table[pixels[i * channels + from]!]!
  }
  return { shape: [1, channels, input.height, input.width], data }
}
