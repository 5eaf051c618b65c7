import { readFile } from 'node:fs/promises'
import type { Codecs } from '../../src/codec/create-codecs.ts'
import { decodeInput, encodeInput, isInputCodec, parseInputCodec } from '../../src/codec/image-codecs.ts'
import { decodeImage } from '../../src/codec/image-input.ts'
import { modelCodecs } from '../../src/codec/model-codecs.ts'
import { type Engine, type EngineName, type Executable, engineNames } from '../../src/executor/engine.ts'
import { loadEngine } from '../../src/executor/load-engine.ts'
import { bestClasses } from '../../src/model-graph/classify.ts'
import { cut } from '../../src/model-graph/cut.ts'
import { findWound } from '../../src/model-graph/find-wound.ts'
import { loadLabels, loadModel } from '../../src/model-graph/load-model.ts'
import type { Model } from '../../src/model-graph/model.ts'
import type { Wound } from '../../src/model-graph/wound.ts'
import type { TensorValue } from '../../src/tensor/tensor-value.ts'
import { readOptions } from '../../src/terminal/options.ts'
import { UsageError } from '../../src/terminal/usage-error.ts'

/** What crosses, as the tail gets it, and how many bytes it was on the way. */
interface Crossing {
  readonly values: readonly TensorValue[]
  readonly bytes: number
}

export async function infer(args: readonly string[]): Promise<number> {
  const { values, positionals } = readOptions(args, {
    options: {
      model: { type: 'string' },
      wound: { type: 'string', default: 'local' },
      codec: { type: 'string' },
      engine: { type: 'string', default: 'onnxruntime' },
      json: { type: 'boolean' },
    },
    allowPositionals: true,
  })
  if (values.model === undefined || positionals.length === 0)
    throw new UsageError('surgeon infer needs IMAGE... and --model M')
  const engineName = engineNames.find((name) => name === values.engine)
  if (engineName === undefined) {
    throw new UsageError(
      `--engine must be one of ${engineNames.join(', ')}, current value is ${values.engine}`,
    )
  }
  const model = await loadModel(values.model)
  const labels = await loadLabels(values.model, model.manifest)
  const wound = findWound(model.graph, values.wound)
  const codecs = await modelCodecs(values.model, model.hash)
  const codec = checkedCodec(model, wound, codecs, values.codec)
  const patient = await openPatient(model, wound, await loadEngine(engineName), codecs)
  const answers = []
  for (const image of positionals) {
    const answer = await patient.answer(await readFile(image), codec)
    const top = bestClasses(answer.output, model.manifest, labels)
    answers.push({
      image,
      top,
      wound: wound.id,
      codec,
      engine: engineName,
      headMs: answer.headMs,
      tailMs: answer.tailMs,
      bytes: answer.bytes,
    })
  }
  if (values.json) console.log(JSON.stringify(answers, undefined, 2))
  else for (const answer of answers) console.log(describe(answer))
  return 0
}

function describe(answer: {
  image: string
  top: readonly { label: string; probability: number }[]
  wound: string
  codec: string
  engine: EngineName
  headMs: number
  tailMs: number
  bytes: number
}): string {
  const top = answer.top.map(
    ({ label, probability }) => `  ${(100 * probability).toFixed(1).padStart(5)} %  ${label}`,
  )
  const how = `wound ${answer.wound}, codec ${answer.codec}, ${answer.bytes} bytes, head ${answer.headMs.toFixed(1)} ms, tail ${answer.tailMs.toFixed(1)} ms`
  return [`${answer.image} (${how})`, ...top].join('\n')
}

/** The codec, or the wound's usual one. @throws {RangeError} where it cannot carry what crosses at the wound. */
function checkedCodec(model: Model, wound: Wound, codecs: Codecs, name: string | undefined): string {
  if (wound.tensors.length === 0) return 'none'
  if (name === undefined) return wound.id === 'input' ? 'received' : 'float32'
  if (wound.id === 'input' && isInputCodec(name)) parseInputCodec(name)
  else for (const tensor of wound.tensors) codecs(name, wound.id, model.graph.tensors[tensor]!.name)
  return name
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
      const { input } = model.manifest
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

  return {
    async answer(image: Uint8Array, codec: string) {
      const input = await decodeImage(image, model.manifest.input)
      const beginMs = performance.now()
      const made = runHead === undefined ? [input] : await runHead.run([input])
      const headMs = performance.now() - beginMs
      if (runTail === undefined) return { output: made[0]!, headMs, tailMs: 0, bytes: 0 }
      const { values, bytes } = await carry(image, made, codec)
      const tailBeginMs = performance.now()
      const [output] = await runTail.run(values)
      return { output: output!, headMs, tailMs: performance.now() - tailBeginMs, bytes }
    },
  }
}
