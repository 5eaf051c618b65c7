import { createHash } from 'node:crypto'
import { deflateRawSync, inflateRawSync } from 'node:zlib'
import { type KltParameters, type KltShape, kltModels, kltSymbols } from './klt-parameters.ts'
import { packReflections, reflectionBytes, unpackReflections } from './reflections.ts'

type Learned = Omit<KltParameters, 'hash'>

/** One block for the file: matrices as reflections, the rest as it is, deflated. */
export function packKlt(parameters: Learned): Uint8Array<ArrayBuffer> {
  const { channels, kept, tileHeight, tileWidth } = parameters
  const { mean, basis, spatial, scale, weight, emphasis, models, reference } = parameters
  const area = tileHeight * tileWidth
  const parts = [
    new Float32Array([reference]),
    mean,
    packReflections(basis, kept, channels),
    packReflections(spatial, area, area),
    scale,
    weight,
    emphasis,
    models,
  ]
  const block = Buffer.concat(
    parts.map((part) => new Uint8Array(part.buffer, part.byteOffset, part.byteLength)),
  )
  return new Uint8Array(deflateRawSync(block, { level: 9 }))
}

/** @throws {RangeError} where the block is not that of such a shape, or holds what no calibration writes. */
export function unpackKlt(shape: KltShape, packed: Uint8Array): KltParameters {
  const { channels, height, width, tileHeight, tileWidth, kept } = shape
  const area = tileHeight * tileWidth
  const coefficients = kept * area
  const sizes = [
    4,
    4 * channels,
    reflectionBytes(kept, channels),
    reflectionBytes(area, area),
    coefficients,
    coefficients,
    height * width,
    2 * kltModels * kltSymbols,
  ]
  const expected = sizes.reduce((sum, size) => sum + size, 0)
  if (kept > channels)
    throw new RangeError(
      `Cannot read klt parameters: kept must be at most ${channels}, current value is ${kept}`,
    )
  const block = inflated(packed, expected)
  let at = 0
  // Copies: a Buffer's slice would be a view of memory that others use, too.
  const take = (length: number) => new Uint8Array(block.subarray(at, (at += length)))
  const reference = new Float32Array(take(4).buffer)[0]!
  const mean = new Float32Array(take(4 * channels).buffer)
  const basis = unpackReflections(take(reflectionBytes(kept, channels)), kept, channels)
  const spatial = unpackReflections(take(reflectionBytes(area, area)), area, area)
  const scale = new Int8Array(take(coefficients).buffer)
  const weight = new Int8Array(take(coefficients).buffer)
  const emphasis = new Int8Array(take(height * width).buffer)
  const models = take(2 * kltModels * kltSymbols)
  if (!(reference > 0) || reference > 1e30 || !mean.every((value) => Math.abs(value) < 1e30)) {
    throw new RangeError(
      `Cannot read klt parameters: reference and mean must be finite, current value is ${reference}`,
    )
  }
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

/** @throws {RangeError} where it is not deflate of so many bytes; no more than these are ever made of it. */
function inflated(packed: Uint8Array, expected: number): Uint8Array {
  let block: Uint8Array
  try {
    block = inflateRawSync(packed, { maxOutputLength: expected })
  } catch (cause) {
    throw new RangeError(`Cannot read klt parameters: data must be ${expected} bytes, deflated`, { cause })
  }
  if (block.length === expected) return block
  throw new RangeError(
    `Cannot read klt parameters: data must be ${expected} bytes, deflated, current value is ${block.length}`,
  )
}
