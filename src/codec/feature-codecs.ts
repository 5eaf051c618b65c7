import type { FeatureCodec } from './codec.ts'
import { float16Codec } from './float16.ts'
import { float32Codec } from './float32.ts'
import { lowBitCodec } from './low-bit.ts'
import { uint8Codec } from './uint8.ts'
import { withInfinities } from './with-infinities.ts'

const lowBitCodecs = [8, 7, 6, 5, 4, 3, 2].flatMap((bits) => [
  lowBitCodec(bits, false),
  lowBitCodec(bits, true),
])

const codecs: ReadonlyMap<string, FeatureCodec> = new Map(
  [float32Codec, float16Codec, uint8Codec, ...lowBitCodecs].map((codec) => [
    codec.name,
    withInfinities(codec),
  ]),
)

/** Names that {@link featureCodec} knows. */
export const featureCodecNames: readonly string[] = [...codecs.keys()]

/** @throws {RangeError} for an unknown name; the message lists the known ones. */
export function featureCodec(name: string): FeatureCodec {
  const codec = codecs.get(name)
  if (codec === undefined) {
    throw new RangeError(
      `Cannot find codec: name must be one of ${featureCodecNames.join(', ')}, current value is "${name}"`,
    )
  }
  return codec
}
