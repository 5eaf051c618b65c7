import { blankImage } from '../src/codec/image-codecs.ts'
import { nnstreamerHeader } from '../src/input/nnstreamer-header.ts'
import { type Manifest, pictureOf, type ValuesSpec } from '../src/model-graph/manifest.ts'
import { elementCount } from '../src/tensor/element-count.ts'

/** A message as a publisher might send it, in which nothing is to be seen. */
export async function blankMessage(manifest: Manifest, header?: 'nnstreamer'): Promise<Uint8Array> {
  const input = await blankInput(manifest)
  return header === undefined ? input : Buffer.concat([nnstreamerHeader(input.length), input])
}

async function blankInput(manifest: Manifest): Promise<Uint8Array> {
  const picture = pictureOf(manifest)
  if (picture !== undefined) return blankImage(picture.width, picture.height)
  const { input } = manifest
  const zeros = ({ shape }: ValuesSpec) => Array.from({ length: elementCount(shape) }, () => 0)
  const json =
    input.kind === 'named'
      ? Object.fromEntries(Object.entries(input.inputs).map(([name, spec]) => [name, zeros(spec)]))
      : zeros(input as ValuesSpec)
  return Buffer.from(JSON.stringify(json))
}
