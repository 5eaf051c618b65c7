import { z } from 'zod'
import { elementCount } from '../tensor/element-count.ts'
import { bytesPerValue, type WeightEncoding } from './weight-encoding.ts'

const manifestGroups = z.array(
  z.object({
    paths: z.array(z.string().min(1)).min(1),
    weights: z.array(
      z.object({
        name: z.string().min(1),
        shape: z.array(z.int().min(0)),
        dtype: z.string(),
        quantization: z
          .object({ dtype: z.string(), scale: z.number().optional(), min: z.number().optional() })
          .optional(),
      }),
    ),
  }),
)

/** Where a weight lies: `offset` counts through the group's shards as if they were one file. */
export interface WeightPlace {
  readonly name: string
  readonly shape: readonly number[]
  readonly encoding: WeightEncoding
  readonly group: number
  readonly offset: number
  readonly byteLength: number
}

export interface WeightsManifest {
  /** File names of each group's shards, in order. */
  readonly groups: readonly (readonly string[])[]
  readonly places: ReadonlyMap<string, WeightPlace>
}

/**
 * Reads the `weightsManifest` of a TensorFlow.js model.json.
 * @throws {TypeError} where it is malformed, names a shard outside the model's folder or an unknown dtype.
 */
export function readWeightsManifest(manifest: unknown, origin: string): WeightsManifest {
  const parsed = manifestGroups.safeParse(manifest)
  if (!parsed.success) {
    throw new TypeError(`Cannot read weightsManifest of ${origin}: ${z.prettifyError(parsed.error)}`)
  }
  const places = new Map<string, WeightPlace>()
  for (const [group, { paths, weights }] of parsed.data.entries()) {
    for (const path of paths) {
      if (/(^|[\\/])\.\.([\\/]|$)|^[\\/]|^[a-z]+:/i.test(path)) {
        throw new TypeError(
          `Cannot read weightsManifest of ${origin}: paths must stay in its folder, current value is '${path}'`,
        )
      }
    }
    let offset = 0
    for (const weight of weights) {
      const encoding = encodingOf(weight, origin)
      const byteLength = elementCount(weight.shape) * bytesPerValue(encoding)
      const name = weight.name.replace(/:0$/, '')
      if (places.has(name))
        throw new TypeError(`Cannot read weightsManifest of ${origin}: weight '${name}' occurs twice`)
      places.set(name, { name, shape: weight.shape, encoding, group, offset, byteLength })
      offset += byteLength
    }
  }
  // Keras puts a recurrent layer's cell between the layer and the weight (`lstm/lstm_cell/kernel`), TensorFlow.js does not.
  for (const [name, place] of places) {
    const short = name.replace(/[^/]*_cell(_\d+)?\/(?=[^/]+$)/, '')
    if (!places.has(short)) places.set(short, place)
  }
  return { groups: parsed.data.map(({ paths }) => paths), places }
}

function encodingOf(
  weight: {
    name: string
    dtype: string
    quantization?: { dtype: string; scale?: number | undefined; min?: number | undefined } | undefined
  },
  origin: string,
): WeightEncoding {
  const { name, dtype, quantization } = weight
  const stored = quantization?.dtype ?? dtype
  if (dtype === 'bool' && quantization === undefined)
    return { stored: 'uint8', scale: 1, min: 0, isBool: true }
  if (dtype !== 'float32' && dtype !== 'float16' && !(dtype === 'int32' && quantization === undefined)) {
    throw new TypeError(
      `Cannot read weight '${name}' of ${origin}: dtype must be float32, float16 or int32, current value is '${dtype}'`,
    )
  }
  if (quantization === undefined || stored === 'float16') {
    if (stored === 'float32' || stored === 'float16' || stored === 'int32')
      return { stored, scale: 1, min: 0 }
  }
  const { scale, min } = quantization ?? {}
  if (stored !== 'uint8' && stored !== 'uint16') {
    throw new TypeError(
      `Cannot read weight '${name}' of ${origin}: quantization.dtype must be float16, uint8 or uint16, current value is '${stored}'`,
    )
  }
  if (scale === undefined || min === undefined || !Number.isFinite(scale) || !Number.isFinite(min)) {
    throw new TypeError(
      `Cannot read weight '${name}' of ${origin}: quantization.scale and min must be finite numbers`,
    )
  }
  return { stored, scale, min }
}
