import { shapeElements } from '../tensor/shape-elements.ts'
import { checkTensor } from './check-encoding.ts'
import { type ClippedRange, clippedRange } from './clipped-range.ts'
import type { FeatureCodec } from './codec.ts'
import { deflateCodes, inflateCodes, mostCodesPerDeflatedByte } from './entropy/deflated-codes.ts'
import { decodePlanes, encodePlanes } from './entropy/plane-coder.ts'
import { holdValues, leastForKernels } from './kernels/plane-kernels.ts'

const tensorHeaderBytes = 5
const octaveSteps = 8

/** From here on deflate does nearly as well as our own coder, so it is used: see docs/codec.md. */
const leastDeflatedBits = 7

/**
 * Affine quantisation to 2-8 bits with the clipping of {@link clippedRange}, entropy-coded; value = (code - zero point)
 * * scale, so zero is exact. Names: `q4` has one scale a tensor, `q4c` one a channel.
 *
 * | bytes | field |
 * |---|---|
 * | 4 | scale, binary32, little endian, positive and finite; with channels the largest of them |
 * | 1 | zero point; 255 where every channel has its own |
 * | 2 x channels | only `c`: eighths of an octave by which the channel's scale is smaller; zero point |
 * | rest | up to 6 bits: see `plane-coder.ts`; 7 and 8: the codes, a byte each, by raw deflate |
 */
export function lowBitCodec(bits: number, perChannel: boolean): FeatureCodec {
  const name = `q${bits}${perChannel ? 'c' : ''}`
  const top = (1 << bits) - 1
  const deflated = bits >= leastDeflatedBits
  return {
    name,

    // Half of the raw codes: what entropy coding leaves of typical maps. Calibration knows better.
    expectedBytes: (elements, channels) =>
      Math.ceil((elements * bits) / 16) + tensorHeaderBytes + (perChannel ? 2 * channels : 0),

    encode(tensor) {
      const elements = checkTensor(name, tensor)
      const { data } = tensor
      const { channels, width, height, groups } = planesOf(tensor.shape)
      const codes = new Uint8Array(elements)
      const zeroPoints = new Uint8Array(channels)
      const header = new Uint8Array(tensorHeaderBytes + (perChannel ? 2 * groups : 0))
      const view = new DataView(header.buffer)
      if (perChannel) {
        const area = elements / groups
        const ranges = Array.from({ length: groups }, (_, c) =>
          clippedRange(data, c * area, (c + 1) * area, top),
        )
        const largest = ranges.reduce((most, range) => Math.max(most, range.scale), 2 ** -126)
        view.setFloat32(0, largest, true)
        header[4] = 255
        for (const [channel, range] of ranges.entries()) {
          const shift = range.scale === 0 ? 255 : Math.floor(octaveSteps * Math.log2(largest / range.scale))
          const at = tensorHeaderBytes + 2 * channel
          header[at] = Math.min(255, shift)
          header[at + 1] = range.zeroPoint
          if (groups === channels) zeroPoints[channel] = range.zeroPoint
          else zeroPoints.fill(range.zeroPoint)
          const scale = channelScale(largest, header[at])
          quantise(data, codes, channel * area, (channel + 1) * area, { ...range, scale }, top)
        }
      } else {
        const held = elements < leastForKernels ? undefined : holdValues(data)
        // Both 0 where a value is not finite, too: looked at one by one it is found.
        const reach = held !== undefined && held.high > held.low ? held : undefined
        const range = clippedRange(data, 0, elements, top, reach)
        const scale = Math.max(range.scale, 2 ** -126)
        view.setFloat32(0, scale, true)
        header[4] = range.zeroPoint
        zeroPoints.fill(range.zeroPoint)
        if (reach === undefined) quantise(data, codes, 0, elements, { ...range, scale }, top)
        else reach.quantise(1 / scale, range.zeroPoint + 0.5, top, codes)
      }
      const coded = deflated
        ? deflateCodes(codes)
        : encodePlanes(codes, { channels, width, height, bits, zeroPoints })
      const bytes = new Uint8Array(header.length + coded.length)
      bytes.set(header)
      bytes.set(coded, header.length)
      return bytes
    },

    decode(bytes, shape) {
      const elements = shapeElements(shape)
      const { channels, width, height, groups } = planesOf(shape)
      const headerBytes = tensorHeaderBytes + (perChannel ? 2 * groups : 0)
      const coded = bytes.length - headerBytes
      const mostElements = (deflated ? mostCodesPerDeflatedByte : mostCodesPerByte) * coded
      if (coded <= 0 || elements > mostElements) {
        throw new RangeError(
          `Cannot decode ${name}: bytes must be enough for ${elements} values, current length is ${bytes.length}`,
        )
      }
      const scale = new DataView(bytes.buffer, bytes.byteOffset, 4).getFloat32(0, true)
      if (!(scale > 0) || !Number.isFinite(Math.fround(scale * top))) {
        throw new RangeError(
          `Cannot decode ${name}: scale must be positive and finite, current value is ${scale}`,
        )
      }
      const zeroPoints = new Uint8Array(channels)
      for (let c = 0; c < channels; c++) {
        const zero = perChannel ? bytes[tensorHeaderBytes + 2 * (c % groups) + 1]! : bytes[4]!
        if (zero > top) {
          throw new RangeError(
            `Cannot decode ${name}: zero point must be at most ${top}, current value is ${zero}`,
          )
        }
        zeroPoints[c] = zero
      }
      const stream = bytes.subarray(headerBytes)
      const codes = deflated
        ? inflateCodes(stream, elements, top)
        : decodePlanes(stream, { channels, width, height, bits, zeroPoints })
      const data = new Float32Array(elements)
      const area = width * height
      for (let c = 0, i = 0; c < channels; c++) {
        const own = perChannel ? channelScale(scale, bytes[tensorHeaderBytes + 2 * (c % groups)]!) : scale
        const zeroPoint = zeroPoints[c]!
        for (const end = i + area; i < end; i++) data[i] = (codes[i]! - zeroPoint) * own
      }
      return { shape, data }
    },
  }
}

function channelScale(largest: number, eighths: number): number {
  return largest * 2 ** (-eighths / octaveSteps)
}

function quantise(
  data: Float32Array,
  codes: Uint8Array,
  from: number,
  to: number,
  { scale, zeroPoint }: ClippedRange,
  top: number,
): void {
  const inverse = 1 / scale
  const offset = zeroPoint + 0.5
  for (let i = from; i < to; i++) {
    const code = data[i]! * inverse + offset
    codes[i] = code < 0 ? 0 : code > top ? top : code
  }
}

/** A map is [1, channels, height, width], each channel a plane; other tensors are values without neighbours. */
function planesOf(shape: readonly number[]): {
  channels: number
  width: number
  height: number
  groups: number
} {
  if (shape.length !== 4) return { channels: shapeElements(shape), width: 1, height: 1, groups: 1 }
  const channels = shape[0]! * shape[1]!
  return { channels, height: shape[2]!, width: shape[3]!, groups: channels }
}

/**
 * The likeliest symbol has at most 4095 of 4096 parts of its model, so a byte holds fewer than 23,000 symbols: what
 * claims more is refused before memory for them is taken.
 */
const mostCodesPerByte = 1 << 15
