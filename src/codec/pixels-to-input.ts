import { InputError } from '../input/input-error.ts'
import { channelsOf, type PictureInput } from '../model-graph/manifest.ts'
import type { ChannelsLastValue, TensorValue } from '../tensor/tensor-value.ts'

/**
 * The model's input, shape [1, channels, height, width], of pixels, row by row: (pixel - mean) / scale per
 * channel in the manifest's channel order. In which order the values are needed is seen when they are read.
 */
export class PixelValue implements ChannelsLastValue {
  readonly shape: readonly number[]
  private readonly pixels: Uint8Array
  private readonly input: PictureInput
  private memory: Float32Array<ArrayBuffer> | undefined
  private isFilled = false

  /**
   * @param pixels Must not change as long as the value is read.
   * @param memory For `data`: fresh memory of that size costs more than filling it.
   * @throws {InputError} where they are not as many as the model takes.
   */
  constructor(pixels: Uint8Array, input: PictureInput, memory?: Float32Array<ArrayBuffer>) {
    const channels = channelsOf(input)
    const wanted = channels * input.width * input.height
    if (pixels.length !== wanted)
      throw new InputError(
        'unreadable',
        `Cannot read pixels: there must be ${wanted} bytes, current value is ${pixels.length}`,
      )
    this.shape = [1, channels, input.height, input.width]
    this.pixels = pixels
    this.input = input
    this.memory = memory
  }

  get data(): Float32Array<ArrayBuffer> {
    const data = this.lentMemory ?? new Float32Array(this.pixels.length)
    if (!this.isFilled) this.fill(data, data.length / this.shape[1]!, 1)
    this.isFilled = true
    this.memory = data
    return data
  }

  /** What `data` was or would be written to, for the next picture's. */
  get lentMemory(): Float32Array<ArrayBuffer> | undefined {
    return this.memory
  }

  writeChannelsLast(to: Float32Array): void {
    this.fill(to, 1, this.shape[1]!)
  }

  /** @param apart Values from a channel's first to the next channel's. @param step From one place to the next. */
  private fill(to: Float32Array, apart: number, step: number): void {
    const { pixels, input } = this
    const [first, second, third] = input.mean.map((mean, channel) => valuesOf(mean, input.scale[channel]!))
    if (input.channels === 'grey') {
      for (let i = 0; i < pixels.length; i++) to[i] = first![pixels[i]!]!
      return
    }
    const [red, blue] = input.channels === 'bgr' ? [2, 0] : [0, 2]
    // All channels of a place together: three times as fast as a channel after the other.
    for (let i = 0, at = 0; i < pixels.length; i += 3, at += step) {
      to[at] = first![pixels[i + red]!]!
      to[at + apart] = second![pixels[i + 1]!]!
      to[at + 2 * apart] = third![pixels[i + blue]!]!
    }
  }
}

/** What each value of a pixel stands for. */
function valuesOf(mean: number, scale: number): Float32Array {
  return new Float32Array(256).map((_, value) => (value - mean) / scale)
}

/** Values of pixels as {@link PixelValue} has them, plain, so that they can be handed to another thread. */
export function pixelsToInput(pixels: Uint8Array, input: PictureInput): TensorValue {
  const { shape, data } = new PixelValue(pixels, input)
  return { shape, data }
}
