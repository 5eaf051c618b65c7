/**
 * Entry of the inference thread: the only place where an engine runs, because a run blocks its thread. Commands are
 * carried out one at a time, in order, but for runs that have been taken back before they began. Between segments the
 * thread looks whether its run has been cancelled.
 */
import { availableParallelism, loadavg } from 'node:os'
import { parentPort, workerData } from 'node:worker_threads'
import type { EncodedTensor } from '../codec/encoded-tensor.ts'
import { modelCodecs } from '../codec/model-codecs.ts'
import { PixelValue } from '../codec/pixels-to-input.ts'
import { collectGarbage, tidyWhenIdle } from '../memory/collect-garbage.ts'
import { loadModel } from '../model-graph/load-model.ts'
import { pictureOf } from '../model-graph/manifest.ts'
import { manifestOf } from '../model-graph/model.ts'
import { loadingOptions } from '../model-graph/model-choice.ts'
import type { Log } from '../telemetry/log.ts'
import { elementCount } from '../tensor/element-count.ts'
import type { TensorValue } from '../tensor/tensor-value.ts'
import { splitValues, stackValues } from './batch.ts'
import { take } from './claim.ts'
import { CompiledCache } from './compiled-cache/compiled-cache.ts'
import { runLink } from './engine.ts'
import type {
  GivenInput,
  RunReply,
  RunRequest,
  ThreadCommand,
  ThreadNote,
  ThreadReply,
  ThreadSetup,
} from './inference-protocol.ts'
import { loadEngine } from './load-engine.ts'
import { LoadedSegments } from './loaded-segments.ts'
import { requireFinite, requireNumbers } from './require-finite.ts'
import { Slowdown } from './slowdown.ts'

const port = parentPort!
const setup = workerData as ThreadSetup

const deadBytesLimit = 4 * 2 ** 20

class Cancelled extends Error {}

const startedMs = performance.now()
const model = await loadModel(setup.model, loadingOptions(setup))
const engine = await loadEngine(setup.engine, setup.provider)
// The main thread has said what is wrong with it.
const codecs = await modelCodecs(setup.model, model, () => undefined)
const log: Log = (level, message, fields = {}) => note({ kind: 'log', level, message, fields })
const cache = compiledCache()
const questions = new Set(model.graph.inputs)
const answers = new Set(model.graph.outputs)
const slowdown = new Slowdown(setup.slowdown)
const workSlowdown = new Slowdown(setup.workSlowdown ?? 1)
const segments = new LoadedSegments(engine, model, {
  threads: setup.threads,
  cache,
  // The others' threads cannot be changed, and a provider computes elsewhere.
  mayLower: setup.provider === undefined && (setup.engine === 'onnxruntime' || setup.engine === 'xnnpack'),
  loadPerCore: () => loadavg()[0]! / availableParallelism(),
  beforeRelease: () => copyKept(),
  log,
})
const kept = new Map<string, ReadonlyMap<number, TensorValue>>()

function post(reply: ThreadReply, transfer: ArrayBuffer[] = []): void {
  port.postMessage(reply, transfer)
}

function note(told: ThreadNote): void {
  post({ kind: 'note', note: told })
}

function compiledCache(): CompiledCache | undefined {
  const settings = setup.compiledCache
  if (settings === undefined || settings.bytes === 0) return undefined
  return new CompiledCache(settings, log, () => note({ kind: 'in-memory' }))
}

/** Tensors that runs have left behind since they were last freed. */
let deadBytes = 0

function freeTensors({ input }: RunRequest, { values, encoded }: RunReply): void {
  const given = input.kind === 'values' ? input.values : []
  for (const { data } of [...given, ...values]) deadBytes += data.byteLength
  for (const { shape } of encoded) deadBytes += 4 * elementCount(shape)
  if (deadBytes < deadBytesLimit) return
  deadBytes = 0
  collectGarbage('minor')
}

function isCancelled(cancel: Int32Array<SharedArrayBuffer>): boolean {
  return Atomics.load(cancel, 0) === 1
}

/** The last picture's input, whose memory is the next one's. */
let picture: PixelValue | undefined

/** @param isAlone No other picture's input is needed at the same time. */
function givenValues(input: GivenInput, isAlone: boolean): readonly TensorValue[] {
  switch (input.kind) {
    case 'values':
      return input.values
    case 'pixels':
      picture = pictureInput(input.pixels, isAlone ? picture?.lentMemory : undefined)
      return [picture]
    case 'encoded':
      return input.tensors.map((tensor, i) => {
        const { bytes, shape } = input.encoded[i]!
        return codecs(input.codec, input.wound, tensorName(tensor)).decode(bytes, shape)
      })
  }
}

function pictureInput(pixels: Uint8Array, memory: Float32Array<ArrayBuffer> | undefined): PixelValue {
  const manifest = manifestOf(model)
  const input = manifest && pictureOf(manifest)
  if (input === undefined)
    throw new Error(`Cannot run ${model.graph.name}: its manifest must say how it wants pictures`)
  return new PixelValue(pixels, input, memory)
}

/** The values a run starts from, and how many requests they belong to. */
function startingValues(run: RunRequest): { values: Map<number, TensorValue>; sizes: number[] } {
  if (run.input.kind === 'kept') {
    const values = kept.get(run.request)
    if (values === undefined)
      throw new Error(`Cannot resume request ${run.request}: its tensors are no longer kept`)
    return { values: new Map(values), sizes: [1] }
  }
  const members = run.input.kind === 'batch' ? run.input.members : [run.input]
  const given = members.map((member) => givenValues(member, members.length === 1))
  const tensors = members[0]!.tensors
  for (const [m, values] of given.entries()) {
    // Of pixels every value is finite.
    if (members[m]!.kind === 'pixels') continue
    for (const [i, value] of values.entries()) {
      // Between layers infinities may be meant, as in the mask of an attention.
      if (questions.has(tensors[i]!)) requireFinite(tensorName(tensors[i]!), value)
    }
  }
  const stacked = stackValues(given)
  return {
    values: new Map(tensors.map((tensor, i) => [tensor, stacked[i]!])),
    sizes: given.map((values) => values[0]?.shape[0] ?? 1),
  }
}

/**
 * Copies what engines have left in their own memory for later, before that is written again. What the request itself
 * keeps is left there, for its next segment to take over.
 */
function copyKept(except?: string): void {
  for (const [request, values] of kept) {
    if (request === except) continue
    for (const value of values.values()) {
      // Reading makes the copy. A picture lies in no engine's memory.
      if (!(value instanceof PixelValue)) void value.data
    }
  }
}

async function execute(run: RunRequest, cancel: Int32Array<SharedArrayBuffer>): Promise<RunReply> {
  const beginMs = performance.now()
  copyKept(run.request)
  const { values, sizes } = startingValues(run)
  workSlowdown.wait(`decode ${run.input.kind}`, performance.now() - beginMs, cancel)
  const decodeMs = performance.now() - beginMs
  const segmentMs: number[] = []
  for (const key of run.segments) {
    if (isCancelled(cancel)) throw new Cancelled()
    const { executable, segment } = segments.get(key)
    const segmentBeginMs = performance.now()
    const given = segment.inputs.map((tensor) => valueOf(values, tensor, key))
    const outputs = await runLink(executable, given)
    segments.hasRun(key, performance.now() - segmentBeginMs)
    for (const [i, tensor] of segment.outputs.entries()) values.set(tensor, outputs[i]!)
    slowdown.wait(key, performance.now() - segmentBeginMs, cancel)
    segmentMs.push(performance.now() - segmentBeginMs)
  }
  if (isCancelled(cancel)) throw new Cancelled()
  const crossing = new Map(run.output.map((tensor) => [tensor, valueOf(values, tensor, 'output')]))
  // Who gets the input itself may keep it.
  if ([...crossing.values()].some((value) => value === picture)) picture = undefined
  if (run.keep) kept.set(run.request, crossing)
  const encodeBeginMs = performance.now()
  for (const [tensor, value] of crossing) {
    if (answers.has(tensor)) requireNumbers(tensorName(tensor), value)
  }
  const results = splitValues([...crossing.values()], sizes).flat()
  const encoded: EncodedTensor[] = []
  if (run.encode !== undefined) {
    const { codec, wound } = run.encode
    for (const [i, value] of results.entries()) {
      const tensor = run.output[i % run.output.length]!
      encoded.push({ shape: value.shape, bytes: codecs(codec, wound, tensorName(tensor)).encode(value) })
    }
    workSlowdown.wait(`encode ${codec} ${wound}`, performance.now() - encodeBeginMs, cancel)
  }
  const encodeMs = performance.now() - encodeBeginMs
  const handedBack = run.values ? results.map(({ shape, data }) => ({ shape, data })) : []
  return { values: handedBack, encoded, segmentMs, decodeMs, encodeMs }
}

function valueOf(values: ReadonlyMap<number, TensorValue>, tensor: number, reader: string): TensorValue {
  const value = values.get(tensor)
  if (value === undefined)
    throw new Error(`Cannot run ${reader}: tensor ${tensorName(tensor)} was not computed`)
  return value
}

function tensorName(tensor: number): string {
  return model.graph.tensors[tensor]!.name
}

async function carryOut(command: ThreadCommand): Promise<void> {
  const { call } = command
  switch (command.kind) {
    case 'load': {
      await segments.load(command.key, command.segment, command.precision)
      return post({ kind: 'done', call })
    }
    case 'unload': {
      await segments.unload(command.key)
      return post({ kind: 'done', call })
    }
    case 'run': {
      if (!take(command.claim)) throw new Cancelled()
      const reply = await execute(command.run, command.cancel)
      // Values that stay kept here are copied by the message, the others are handed over.
      const transfer = reply.encoded.map((part) => part.bytes.buffer)
      if (!command.run.keep) transfer.push(...reply.values.map((value) => value.data.buffer))
      post({ kind: 'done', call, reply }, [...new Set(transfer)])
      freeTensors(command.run, reply)
      return segments.adjust()
    }
    case 'drop':
      kept.delete(command.request)
      return post({ kind: 'done', call })
    case 'stop':
      await segments.release()
      post({ kind: 'done', call })
      port.close()
      return
  }
}

let last: Promise<void> = Promise.resolve()
/** Commands that are not carried out yet. */
let waiting = 0
// What has outlived two minor collections lies here until a major one, also while nothing runs any more.
tidyWhenIdle(() => waiting === 0)
port.on('message', (command: ThreadCommand) => {
  waiting += 1
  last = last.then(async () => {
    try {
      await carryOut(command)
    } catch (error) {
      if (error instanceof Cancelled) return post({ kind: 'cancelled', call: command.call })
      const { name, message } = error as Error
      post({ kind: 'failed', call: command.call, name, message })
    } finally {
      waiting -= 1
    }
  })
})
post({ kind: 'ready', modelHash: model.hash, loadMs: performance.now() - startedMs })
