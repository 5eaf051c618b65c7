import { setTimeout as delay } from 'node:timers/promises'
import type { PictureSize } from '../src/answer/present.ts'
import { systemClock } from '../src/async/clock.ts'
import { Turns } from '../src/async/turns.ts'
import { featureCodec } from '../src/codec/feature-codecs.ts'
import { encodeChecked, parseInputCodec, rawInput } from '../src/codec/image-codecs.ts'
import { readCheckedPixels } from '../src/codec/image-input.ts'
import { type InputSketch, sketchPicture, sketchValues } from '../src/codec/input-sketch.ts'
import { decodingCost } from '../src/codec/picture-cost.ts'
import { checkPicture, type PictureHeader } from '../src/codec/picture-header.ts'
import { findPicture } from '../src/input/find-picture.ts'
import { withoutNnstreamerHeader } from '../src/input/nnstreamer-header.ts'
import { readInputs, type ValuesBinding } from '../src/input/read-inputs.ts'
import type { EdgeBelief } from '../src/latency-model/edge-belief.ts'
import { bindInputs, bindingsOf } from '../src/model-graph/bind-inputs.ts'
import { type PictureInput, pictureOf } from '../src/model-graph/manifest.ts'
import type { Model } from '../src/model-graph/model.ts'
import type { TensorValue } from '../src/tensor/tensor-value.ts'
import type { RequestInput } from './request-answerer.ts'

/** What a message holds, and how its sender declares it. */
export interface InputMessage {
  readonly payload: Uint8Array
  readonly contentType?: string | undefined
}

export interface InputReaderOptions {
  readonly model: Pick<Model, 'graph' | 'manifest'>
  readonly maxBytes: number
  /** Where publishers' JSON holds the input. */
  readonly jsonPath: string | undefined
  /** What stands before each message's input. */
  readonly header?: 'nnstreamer' | undefined
  readonly edge: Pick<EdgeBelief, 'decoded' | 'encodedInput'>
  /** For the lab: what is done to pictures takes so many times as long. 1 where absent. */
  readonly slowdown?: number
}

/** What an answer says of its input. */
export interface InputFacts {
  /** Of a picture, as it was sent. */
  readonly sent?: PictureSize
  readonly isDamaged?: boolean
}

/** An input that is being read. */
export interface ReadInput extends RequestInput {
  /** As far as they are known by now. Rejects as `checked` does. */
  readonly facts: () => Promise<InputFacts>
}

/** Makes the model's input of messages, each once and only where it is wanted; what it claims is checked before. */
export class InputReader {
  private readonly options: InputReaderOptions
  private readonly expensive = new Turns()
  private readonly picture: PictureInput | undefined
  /** In the order in which they cross at the wound `input`. */
  private readonly numbers: readonly ValuesBinding[]
  /** Of each input in that order. */
  private readonly isState: readonly boolean[]

  constructor(options: InputReaderOptions) {
    const { graph, manifest } = options.model
    this.options = options
    this.picture = pictureOf(manifest)
    const bindings = bindInputs(graph, manifest, graph.name)
    this.numbers = bindingsOf(bindings, 'values')
    this.isState = bindings.toSorted((a, b) => a.tensor.id - b.tensor.id).map(({ kind }) => kind === 'state')
  }

  /**
   * @param onRead Told what it took, where it succeeds.
   * @param state What the publisher's last sample left, in the order of the inputs.
   * @throws {InputError} for what is not the model's kind of input; decoding itself rejects later.
   */
  read(given: InputMessage, onRead: (ms: number) => void, state: readonly TensorValue[] = []): ReadInput {
    const message = this.withoutHeader(given)
    return this.picture === undefined
      ? this.readValues(message, onRead, state)
      : this.readPicture(message, this.picture, onRead)
  }

  /**
   * For comparing it with others; undefined where there is nothing to compare, as what is wrong with it is told by whoever
   * reads it to compute.
   */
  async sketch(given: InputMessage): Promise<InputSketch | undefined> {
    const { maxBytes, jsonPath } = this.options
    if (given.payload.length > maxBytes) return undefined
    try {
      const message = this.withoutHeader(given)
      return this.picture === undefined
        ? sketchValues(readInputs(message, this.numbers, jsonPath))
        : await this.timed(() => sketchPicture(findPicture(message, jsonPath)))
    } catch {
      return undefined
    }
  }

  private withoutHeader(message: InputMessage): InputMessage {
    return this.options.header === 'nnstreamer' ? withoutNnstreamerHeader(message) : message
  }

  private readValues(
    message: InputMessage,
    onRead: (ms: number) => void,
    state: readonly TensorValue[],
  ): ReadInput {
    const beginMs = systemClock.now()
    const [given, held] = [readInputs(message, this.numbers, this.options.jsonPath), [...state]]
    const values = this.isState.map((isState) => (isState ? held : given).shift()!)
    onRead(systemClock.now() - beginMs)
    const encoded = async (codec: string): Promise<readonly Uint8Array[]> =>
      values.map((value) => featureCodec(codec).encode(value))
    const decoded = Promise.resolve({ kind: 'values', values } as const)
    return { checked: decoded, decoded: () => decoded, encoded, facts: async () => ({}) }
  }

  private readPicture(message: InputMessage, input: PictureInput, onRead: (ms: number) => void): ReadInput {
    const { maxBytes, jsonPath } = this.options
    const picture = findPicture(message, jsonPath)
    const checked = checkPicture(picture, { maxBytes })
    let isDamaged = false
    let reading: Promise<Uint8Array> | undefined
    const pixels = () =>
      (reading ??= checked
        .then((header) => this.pixelsOf(picture, header, input, onRead))
        .then((read) => {
          isDamaged = read.isDamaged
          return read.made
        }))
    return {
      checked,
      decoded: async () => ({ kind: 'pixels', pixels: await pixels() }),
      encoded: async (codec) => {
        const header = await checked
        return [codec === rawInput ? await pixels() : await this.encode(picture, header, input, codec)]
      },
      facts: async () => {
        const { width, height } = await checked
        return { sent: { width, height }, isDamaged }
      },
    }
  }

  /** Of the pictures that claim much memory only one is decoded at a time; the others are not held up by them. */
  private async pixelsOf(
    picture: Uint8Array,
    header: PictureHeader,
    input: PictureInput,
    onRead: (ms: number) => void,
  ) {
    const work = () => this.timed(() => readCheckedPixels(picture, header, input), onRead)
    return decodingCost(header) === 'expensive' ? this.expensive.take(work) : work()
  }

  private async encode(
    picture: Uint8Array,
    header: PictureHeader,
    input: PictureInput,
    codec: string,
  ): Promise<Uint8Array> {
    const parsed = parseInputCodec(codec)
    if (parsed.kind !== 'encoded') return picture
    return this.timed(
      () => encodeChecked(picture, header, input, parsed),
      (ms, bytes) => this.options.edge.encodedInput(codec, bytes.length, ms),
    )
  }

  private async timed<T>(work: () => Promise<T>, onDone?: (ms: number, made: T) => void): Promise<T> {
    const { slowdown = 1 } = this.options
    const beginMs = systemClock.now()
    const made = await work()
    if (slowdown > 1) await delay((slowdown - 1) * (systemClock.now() - beginMs))
    onDone?.(systemClock.now() - beginMs, made)
    return made
  }
}
