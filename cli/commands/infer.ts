import { readFile, writeFile } from 'node:fs/promises'
import { type AnswerBody, AnswerReader } from '../../src/answer/answer-reader.ts'
import type { PictureSize } from '../../src/answer/present.ts'
import type { Codecs } from '../../src/codec/create-codecs.ts'
import { decodeInput, encodeInput, isInputCodec, parseInputCodec } from '../../src/codec/image-codecs.ts'
import { readPixels } from '../../src/codec/image-input.ts'
import { modelCodecs } from '../../src/codec/model-codecs.ts'
import { pixelsToInput } from '../../src/codec/pixels-to-input.ts'
import {
  type Engine,
  type EngineName,
  type Executable,
  engineNames,
  precisions,
  type RoundedPrecision,
  saidPrecision,
  withPrecision,
} from '../../src/executor/engine.ts'
import { loadEngine } from '../../src/executor/load-engine.ts'
import { readInputs } from '../../src/input/read-inputs.ts'
import { bindInputs, bindingsOf } from '../../src/model-graph/bind-inputs.ts'
import { cut } from '../../src/model-graph/cut.ts'
import { findWound } from '../../src/model-graph/find-wound.ts'
import { borderShape, type GraphTensor } from '../../src/model-graph/layer-graph.ts'
import { loadLabels, loadModel } from '../../src/model-graph/load-model.ts'
import { pictureOf, requirePicture } from '../../src/model-graph/manifest.ts'
import type { Model } from '../../src/model-graph/model.ts'
import type { Wound } from '../../src/model-graph/wound.ts'
import { elementCount } from '../../src/tensor/element-count.ts'
import type { TensorValue } from '../../src/tensor/tensor-value.ts'
import { readOptions } from '../../src/terminal/options.ts'
import { UsageError } from '../../src/terminal/usage-error.ts'
import { drawBoxes } from '../draw-boxes.ts'
import { modelOptions, readModelOptions } from '../model-options.ts'

/** What crosses, as the tail gets it, and how many bytes it was on the way. */
interface Crossing {
  readonly values: readonly TensorValue[]
  readonly bytes: number
}

export async function infer(args: readonly string[]): Promise<number> {
  const { values, positionals } = readOptions(args, {
    options: {
      ...modelOptions,
      wound: { type: 'string', default: 'local' },
      codec: { type: 'string' },
      engine: { type: 'string', default: 'onnxruntime' },
      precision: { type: 'string', default: 'float32' },
      out: { type: 'string' },
      json: { type: 'boolean' },
    },
    allowPositionals: true,
  })
  if (values.model === undefined || positionals.length === 0)
    throw new UsageError('surgeon infer needs IMAGE... and --model M')
  if (values.out !== undefined && positionals.length > 1)
    throw new UsageError('surgeon infer --out takes one IMAGE')
  const engineName = engineNames.find((name) => name === values.engine)
  if (engineName === undefined) {
    throw new UsageError(
      `--engine must be one of ${engineNames.join(', ')}, current value is ${values.engine}`,
    )
  }
  const precision = precisions.find((name) => name === values.precision)
  if (precision === undefined)
    throw new UsageError(
      `--precision must be one of ${precisions.join(', ')}, current value is ${values.precision}`,
    )
  const engine = withPrecision(await loadEngine(engineName), precision)
  const model = await loadModel(values.model, readModelOptions(values, 'infer').options)
  const reader = new AnswerReader(model, await loadLabels(values.model, model))
  const wound = findWound(model.graph, values.wound)
  const codecs = await modelCodecs(values.model, model)
  const codec = checkedCodec(model, wound, codecs, values.codec)
  const patient = await openPatient(model, wound, engine, codecs)
  const rounded = saidPrecision(precision)
  const answers: InferredAnswer[] = []
  for (const image of positionals) {
    const bytes = await readFile(image)
    const { outputs, sent, isDamaged, ...how } = await patient.answer(bytes, codec)
    const body = reader.read(outputs, sent)
    const damaged = isDamaged ? ({ damaged: true } as const) : {}
    answers.push({
      image,
      ...body,
      ...damaged,
      wound: wound.id,
      codec,
      engine: engineName,
      ...rounded,
      ...how,
    })
    if (values.out !== undefined) await drawAnswer(bytes, body, values.out)
  }
  if (values.json) console.log(JSON.stringify(answers, undefined, 2))
  else for (const answer of answers) console.log(describe(answer))
  return 0
}

type InferredAnswer = AnswerBody & {
  readonly image: string
  readonly damaged?: true
  readonly wound: string
  readonly codec: string
  readonly engine: EngineName
  /** `float32` where absent. */
  readonly precision?: RoundedPrecision
  readonly headMs: number
  readonly tailMs: number
  readonly bytes: number
}

async function drawAnswer(image: Uint8Array, body: AnswerBody, path: string): Promise<void> {
  if (!('boxes' in body)) throw new UsageError('--out must be given for a detector: it draws boxes')
  await writeFile(path, await drawBoxes(image, body.boxes))
}

function describe(answer: InferredAnswer): string {
  const { image, wound, codec, bytes, headMs, tailMs } = answer
  const how = `wound ${wound}, codec ${codec}, ${bytes} bytes, head ${headMs.toFixed(1)} ms, tail ${tailMs.toFixed(1)} ms`
  const damaged = answer.damaged ? ', damaged' : ''
  return [`${image} (${how}${damaged})`, ...bodyLines(answer).map((text) => `  ${text}`)].join('\n')
}

function bodyLines(body: AnswerBody): string[] {
  const percent = (share: number) => `${(100 * share).toFixed(1).padStart(5)} %`
  if ('top' in body) return body.top.map(({ label, probability }) => `${percent(probability)}  ${label}`)
  if ('boxes' in body)
    return body.boxes.map(({ label, score, box }) => `${percent(score)}  ${label}  ${box.join(' ')}`)
  if ('text' in body) return [body.text]
  return body.outputs.map(({ name, shape, values }) => {
    const more = values.length > 8 ? ' ...' : ''
    return `${name} [${shape.join(', ')}]  ${values.slice(0, 8).join(' ')}${more}`
  })
}

/** The codec, or the wound's usual one. @throws {RangeError} where it cannot carry what crosses at the wound. */
function checkedCodec(model: Model, wound: Wound, codecs: Codecs, name: string | undefined): string {
  if (wound.tensors.length === 0) return 'none'
  if (name === undefined)
    return wound.id === 'input' && pictureOf(model.manifest) !== undefined ? 'received' : 'float32'
  if (wound.id === 'input' && isInputCodec(name)) parseInputCodec(name)
  else for (const tensor of wound.tensors) codecs(name, wound.id, model.graph.tensors[tensor]!.name)
  return name
}

/** An input file as the model takes it. */
interface OpenedInput {
  /** In the order of the model's inputs. */
  readonly values: readonly TensorValue[]
  readonly sent?: PictureSize
  readonly isDamaged: boolean
}

/** @param state What the file before left, by the model's input. */
async function openInput(
  bytes: Uint8Array,
  { graph, manifest }: Model,
  state: ReadonlyMap<number, TensorValue>,
): Promise<OpenedInput> {
  const picture = pictureOf(manifest)
  if (picture === undefined) {
    const bindings = bindInputs(graph, manifest, graph.name)
    const numbers = bindingsOf(bindings, 'values')
    const read = readInputs({ payload: bytes }, numbers)
    const values = bindings.map(({ kind, tensor }) => {
      if (kind === 'state') return state.get(tensor.id) ?? zerosOf(tensor)
      return read[numbers.findIndex((each) => each.tensor === tensor)]!
    })
    return { values, isDamaged: false }
  }
  const { made, width, height, isDamaged } = await readPixels(bytes, picture)
  return { values: [pixelsToInput(made, picture)], sent: { width, height }, isDamaged }
}

function zerosOf(tensor: GraphTensor): TensorValue {
  const shape = [1, ...borderShape(tensor)]
  return { shape, data: new Float32Array(elementCount(shape)) }
}

/** The model cut at a wound, both sides on this machine. Neither side has layers at `input` and `local` respectively. */
async function openPatient(model: Model, wound: Wound, engine: Engine, codecs: Codecs) {
  const { head, tail } = cut(model.graph, wound)
  const compile = (segment: typeof head): Promise<Executable> =>
    engine.compile(model, segment, { threads: 1 })
  const runHead = wound.id === 'input' ? undefined : await compile(head)
  const runTail = wound.tensors.length === 0 ? undefined : await compile(tail)

  /** Through the codec and back. */
  async function carry(image: Uint8Array, values: readonly TensorValue[], codec: string): Promise<Crossing> {
    if (isInputCodec(codec)) {
      const input = requirePicture(model.manifest)
      const sent = await encodeInput(image, input, parseInputCodec(codec))
      return { values: [await decodeInput(codec, sent, input)], bytes: sent.length }
    }
    const carried = values.map((value, i) => {
      const coder = codecs(codec, wound.id, model.graph.tensors[wound.tensors[i]!]!.name)
      const bytes = coder.encode(value)
      return { value: coder.decode(bytes, value.shape), bytes: bytes.length }
    })
    return {
      values: carried.map(({ value }) => value),
      bytes: carried.reduce((sum, { bytes }) => sum + bytes, 0),
    }
  }

  const state = new Map<number, TensorValue>()
  const bindings = bindingsOf(bindInputs(model.graph, model.manifest, model.graph.name), 'state')
  const keep = (outputs: readonly TensorValue[]) => {
    for (const { tensor, output } of bindings) state.set(tensor.id, outputs[output]!)
  }

  return {
    async answer(image: Uint8Array, codec: string) {
      const { values: given, ...facts } = await openInput(image, model, state)
      const beginMs = performance.now()
      const made = runHead === undefined ? given : await runHead.run(given)
      const headMs = performance.now() - beginMs
      if (runTail === undefined) keep(made)
      if (runTail === undefined) return { outputs: made, ...facts, headMs, tailMs: 0, bytes: 0 }
      const { values, bytes } = await carry(image, made, codec)
      const tailBeginMs = performance.now()
      const outputs = await runTail.run(values)
      keep(outputs)
      return { outputs, ...facts, headMs, tailMs: performance.now() - tailBeginMs, bytes }
    },
  }
}
