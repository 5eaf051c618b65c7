import type { AnswerSpec } from '../src/answer/answer-spec.ts'
import { isInputCodec, rawInput, readSentPixels } from '../src/codec/image-codecs.ts'
import type { GivenInput } from '../src/executor/inference-protocol.ts'
import { findWound } from '../src/model-graph/find-wound.ts'
import { borderShape, elementsOf, type LayerGraph } from '../src/model-graph/layer-graph.ts'
import { pictureOf } from '../src/model-graph/manifest.ts'
import { type Model, manifestOf } from '../src/model-graph/model.ts'
import type { Wound } from '../src/model-graph/wound.ts'

/** A request that cannot be served; `code` is what the failure frame says. */
export class RequestError extends Error {
  override readonly name = 'RequestError'
  readonly code: 'unknown-model' | 'unknown-wound' | 'bad-input'
  constructor(code: RequestError['code'], message: string) {
    super(message)
    this.code = code
  }
}

/** A request that fits the model, ready to be finished. */
export interface PreparedRequest {
  readonly wound: Wound
  readonly input: GivenInput
  /** Of a picture. */
  readonly decodeMs: number
  /** It is one that ends early or is corrupt, and most of it is there. */
  readonly isDamaged?: boolean
  /** How the outputs are to be condensed. */
  readonly answer?: AnswerSpec | undefined
}

/** What of a request's frame says where and how it is to be finished. */
export interface RequestContent {
  readonly wound: string
  readonly codec: string
  readonly parts: readonly Uint8Array[]
  readonly answer?: AnswerSpec | undefined
}

/**
 * @param maxBytes of an encoded picture.
 * @throws {RequestError} for parts that do not fit the model; `InputError` for a picture that cannot be read.
 */
export async function prepareRequest(
  model: Model,
  wound: Wound,
  { codec, parts, answer }: RequestContent,
  maxBytes: number,
): Promise<PreparedRequest> {
  if (isInputCodec(codec)) return { ...(await decodePicture(model, wound, codec, parts, maxBytes)), answer }
  const shapes = wound.tensors.map((id) => [1, ...borderShape(model.graph.tensors[id]!)])
  if (parts.length !== shapes.length)
    throw new RequestError(
      'bad-input',
      `Cannot finish at ${wound.id}: there must be ${shapes.length} tensors, current value is ${parts.length}`,
    )
  // Copies of their own: the frame's memory is shared by all its parts and cannot be handed to the thread.
  const encoded = parts.map((bytes, i) => ({ shape: shapes[i]!, bytes: new Uint8Array(bytes) }))
  const { id, tensors } = wound
  return { wound, input: { kind: 'encoded', codec, wound: id, tensors, encoded }, decodeMs: 0, answer }
}

/** More than wound, codec, shapes and a codec's tables need. */
const headerBytes = 64 * 1024

/** Looks each wound up once: finding one goes through the graph. Bounded, as anybody may name any. */
export class RequestedWounds {
  private readonly graph: LayerGraph
  private readonly known = new Map<string, Wound>()

  constructor(graph: LayerGraph) {
    this.graph = graph
  }

  /** The wound of that name, behind which there is something to compute. @throws {RequestError} */
  get(id: string): Wound {
    const known = this.known.get(id)
    if (known !== undefined) return known
    const wound = requestedWound(this.graph, id)
    if (this.known.size >= mostWounds) this.known.clear()
    this.known.set(id, wound)
    return wound
  }
}

/** How many are remembered. */
const mostWounds = 256

/**
 * Bytes that a request at a wound can have at most: no codec makes values larger than float32 does, but for a little.
 */
export function largestRequest(
  model: Model,
  { tensors }: Wound,
  codec: string,
  maxPictureBytes: number,
): number {
  if (isInputCodec(codec)) return maxPictureBytes + headerBytes
  const values = tensors.reduce((sum, id) => sum + elementsOf(model.graph.tensors[id]!), 0)
  return 5 * values + headerBytes
}

/** Whether what was sent is to be decoded as a picture; by whatever name the wound goes, which may not be the input. */
export function isPicture({ codec, parts }: RequestContent): boolean {
  return isInputCodec(codec) && codec !== rawInput && parts.length === 1
}

function requestedWound(graph: LayerGraph, id: string): Wound {
  let wound: Wound
  try {
    wound = findWound(graph, id)
  } catch (cause) {
    throw new RequestError('unknown-wound', (cause as Error).message)
  }
  if (wound.tensors.length > 0) return wound
  throw new RequestError('unknown-wound', `Cannot finish at ${id}: nothing is left to do`)
}

async function decodePicture(
  model: Model,
  wound: Wound,
  codec: string,
  parts: readonly Uint8Array[],
  maxBytes: number,
): Promise<PreparedRequest> {
  const [image] = parts
  if (wound.id !== 'input' || parts.length !== 1 || image === undefined)
    throw new RequestError('bad-input', `Cannot decode ${codec}: it must be one image at the wound input`)
  const manifest = manifestOf(model)
  const picture = manifest && pictureOf(manifest)
  if (picture === undefined)
    throw new RequestError(
      'bad-input',
      `Cannot decode ${codec}: the model does not say how it wants pictures`,
    )
  const beginMs = performance.now()
  const { made: pixels, isDamaged } = await readSentPixels(codec, image, picture, { maxBytes })
  const decodeMs = performance.now() - beginMs
  return { wound, input: { kind: 'pixels', tensors: wound.tensors, pixels }, decodeMs, isDamaged }
}
