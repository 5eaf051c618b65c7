import { createHash } from 'node:crypto'
import { float16Codec } from '../float16.ts'

/**
 * Levels of a quarter octave each: `klt:<level>` has steps of reference * 2^(weight / 8 - level / 4). Those below 0 are for
 * maps of which little is needed, such as ResNet50's.
 */
export const kltLevels = { coarsest: -16, finest: 63 } as const
/** Coefficients are coded with the model of their expected magnitude in steps, a quarter octave to a model. */
export const kltModels = 48
/** Codes -15..15, and 0 for an escape. */
export const kltSymbols = 32

export interface KltShape {
  readonly channels: number
  readonly height: number
  readonly width: number
  /** The map is divided into equal tiles; what sticks out repeats the border. */
  readonly tileHeight: number
  readonly tileWidth: number
  /** Components that are sent: the first of the channel basis. */
  readonly kept: number
}

/**
 * What calibration learned of one tensor. `area` below is tileHeight * tileWidth; a coefficient has a component
 * k < kept of the channels' basis and a pattern f < area of the spatial one.
 */
export interface KltParameters extends KltShape {
  /** Step at level 0 and weight 0. Positive. */
  readonly reference: number
  /** Of each channel. */
  readonly mean: Float32Array<ArrayBuffer>
  /** kept x channels, rows orthonormal, largest variance first; representable in binary16. */
  readonly basis: Float32Array<ArrayBuffer>
  /** area x area, rows orthonormal, largest variance first; representable in binary16. */
  readonly spatial: Float32Array<ArrayBuffer>
  /** kept x area: mean magnitude, log2 in eighths relative to `reference`. */
  readonly scale: Int8Array<ArrayBuffer>
  /** kept x area: log2 in eighths of the step; coefficients to which the output is sensitive have small ones. */
  readonly weight: Int8Array<ArrayBuffer>
  /** height x width: log2 in eighths of what values are multiplied by, so that places that matter keep more. */
  readonly emphasis: Int8Array<ArrayBuffer>
  /** kltModels x 2 quantisers x kltSymbols: see `modelWeight`. */
  readonly models: Uint8Array<ArrayBuffer>
  /** First 4 bytes of SHA-256 over all of it: travels with every tensor, so that a mismatch is an error. */
  readonly hash: number
}

/** A model's bytes are logarithms: 0 is weight 1, each 16 a factor of 2. Whole numbers, alike on every machine. */
export function modelWeight(level: number): number {
  return Math.max(1, Math.floor((sixteenths[level & 15]! * 2 ** (level >> 4)) / 65536))
}

/** 2^(i/16) times 2^16, i = 0..15: written down, because `Math.pow` may differ between machines. */
const sixteenths = [
  65536, 68438, 71468, 74632, 77936, 81386, 84990, 88752, 92682, 96785, 101070, 105545, 110218, 115098,
  120194, 125515,
]

type Learned = Omit<KltParameters, 'hash'>

/** One block of bytes for the file: matrices as binary16, the rest as it is. */
export function packKlt(parameters: Learned): Uint8Array<ArrayBuffer> {
  const { mean, basis, spatial, scale, weight, emphasis, models, reference } = parameters
  const half = (data: Float32Array<ArrayBuffer>) => float16Codec.encode({ shape: [data.length], data })
  const parts = [
    new Float32Array([reference]),
    mean,
    half(basis),
    half(spatial),
    scale,
    weight,
    emphasis,
    models,
  ]
  return new Uint8Array(
    Buffer.concat(parts.map((part) => new Uint8Array(part.buffer, part.byteOffset, part.byteLength))),
  )
}

/** @throws {RangeError} where the block is not that of such a shape, or holds what no calibration writes. */
export function unpackKlt(shape: KltShape, block: Uint8Array): KltParameters {
  const area = shape.tileHeight * shape.tileWidth
  const coefficients = shape.kept * area
  const sizes = [
    4,
    4 * shape.channels,
    2 * shape.kept * shape.channels,
    2 * area * area,
    coefficients,
    coefficients,
    shape.height * shape.width,
    2 * kltModels * kltSymbols,
  ]
  const expected = sizes.reduce((sum, size) => sum + size, 0)
  if (block.length !== expected || shape.kept > shape.channels) {
    throw new RangeError(
      `Cannot read klt parameters: data must be ${expected} bytes long, current value is ${block.length}`,
    )
  }
  let at = 0
  // Copies: a Buffer's slice would be a view of memory that others use, too.
  const take = (length: number) => new Uint8Array(block.subarray(at, (at += length)))
  const reference = new Float32Array(take(4).buffer)[0]!
  const mean = new Float32Array(take(4 * shape.channels).buffer)
  const basis = halves(take(2 * shape.kept * shape.channels))
  const spatial = halves(take(2 * area * area))
  const scale = new Int8Array(take(coefficients).buffer)
  const weight = new Int8Array(take(coefficients).buffer)
  const emphasis = new Int8Array(take(shape.height * shape.width).buffer)
  const models = take(2 * kltModels * kltSymbols)
  if (!(reference > 0) || reference > 1e30 || !mean.every((value) => Math.abs(value) < 1e30)) {
    throw new RangeError(
      `Cannot read klt parameters: reference and mean must be finite, current value is ${reference}`,
    )
  }
  const { channels, height, width, tileHeight, tileWidth, kept } = shape
  const geometry = JSON.stringify([channels, height, width, tileHeight, tileWidth, kept])
  const digest = createHash('sha256').update(geometry).update(block).digest()
  return {
    ...shape,
    reference,
    mean,
    basis,
    spatial,
    scale,
    weight,
    emphasis,
    models,
    hash: digest.readUInt32LE(0),
  }
}

function halves(bytes: Uint8Array): Float32Array<ArrayBuffer> {
  return float16Codec.decode(bytes, [bytes.length / 2]).data
}
