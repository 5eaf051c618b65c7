import type { InferenceSession, Tensor } from 'onnxruntime-common'
import { borderShape, type LayerGraph } from '../model-graph/layer-graph.ts'
import type { Model } from '../model-graph/model.ts'
import type { Segment } from '../model-graph/segment.ts'
import type { OnnxGraph } from '../onnx/onnx-message.ts'
import type { OnnxRuntime } from '../onnx/onnx-runtime.ts'
import { serialiseModel } from '../onnx/write-message.ts'
import { elementCount } from '../tensor/element-count.ts'
import type { TensorValue } from '../tensor/tensor-value.ts'
import { checkInputs } from './check-inputs.ts'
import type { CompiledCache } from './compiled-cache/compiled-cache.ts'
import type { Executable } from './engine.ts'
import { lowerSegment } from './onnx/lower-segment.ts'

/**
 * Where a runtime's results lie. `native`: in memory that cannot move to another thread. `heap`: in arrays of
 * JavaScript's own.
 */
export type ResultMemory = 'native' | 'heap'

/** Settings that hold for every session: quiet, everything fused, and threads that sleep when there is nothing to do. */
export const commonSessionOptions = {
  graphOptimizationLevel: 'all',
  executionMode: 'sequential',
  // A plan of all allocations is kept per input shape: a tenth more memory for a time that cannot be told apart.
  enableMemPattern: false,
  // 4 is fatal; 3 would print what the rejected promise says already.
  logSeverityLevel: 4,
  extra: { session: { intra_op: { allow_spinning: '0' } } },
} as const satisfies InferenceSession.SessionOptions

/** Lowers a segment and makes it runnable in one ONNX Runtime session, from disk where there is a cache. */
export async function compileOnnxSession(
  runtime: OnnxRuntime,
  memory: ResultMemory,
  model: Model,
  segment: Segment,
  options: InferenceSession.SessionOptions,
  { cache, entersBlocked = false }: { cache?: CompiledCache | undefined; entersBlocked?: boolean } = {},
): Promise<Executable> {
  const { graph } = model
  const computes = segment.layers.some((layer) => graph.layers[layer]!.type !== 'InputLayer')
  if (!computes) return passThrough(model, segment)

  const lowered = lowerSegment(model, segment, entersBlocked)
  const session = await createSession(runtime, lowered, model.hash, options, cache)
  // The shapes of an ONNX file's tensors are those of one run; its results may vary in size.
  const isFixed = graph.onnxHeader === undefined
  let released = false
  return {
    async run(inputs) {
      if (released) throw new Error(`Cannot run a segment of ${graph.name}: it must not be released`)
      const batch = checkInputs(graph, segment, inputs)
      const feeds = Object.fromEntries(
        inputs.map(({ data, shape }, position): [string, Tensor] => [
          session.inputNames[position]!,
          new runtime.Tensor('float32', data, shape),
        ]),
      )
      if (memory === 'heap' || !isFixed) {
        const results = await session.run(feeds)
        return session.outputNames.map((name) => ownValue(results[name]!, memory))
      }
      const values = segment.outputs.map((tensor) => emptyValue(graph, tensor, batch))
      const fetches = values.map(({ data, shape }, position): [string, Tensor] => [
        session.outputNames[position]!,
        new runtime.Tensor('float32', data, shape),
      ])
      await session.run(feeds, Object.fromEntries(fetches))
      return values
    },
    async release() {
      if (released) return
      released = true
      await session.release()
    },
  }
}

async function createSession(
  runtime: OnnxRuntime,
  lowered: OnnxGraph,
  modelHash: string,
  options: InferenceSession.SessionOptions,
  cache: CompiledCache | undefined,
): Promise<InferenceSession> {
  const session = await cache?.use(modelHash, lowered, (path) =>
    runtime.InferenceSession.create(path, options),
  )
  return session ?? runtime.InferenceSession.create(await serialiseModel(lowered), options)
}

function emptyValue(graph: LayerGraph, tensor: number, batch: number): TensorValue {
  const shape = [batch, ...borderShape(graph.tensors[tensor]!)]
  return { shape, data: new Float32Array(elementCount(shape)) }
}

function ownValue(tensor: Tensor, memory: ResultMemory): TensorValue {
  const data = tensor.data as Float32Array<ArrayBuffer>
  const { dims } = tensor
  if (memory === 'heap') return { shape: dims, data }
  const copy = data.slice()
  tensor.dispose()
  return { shape: dims, data: copy }
}

/** A segment without layers to compute gives what it gets. */
function passThrough({ graph }: Model, segment: Segment): Executable {
  return {
    // async, so that a refusal is a rejection as everywhere else
    async run(inputs) {
      checkInputs(graph, segment, inputs)
      return segment.outputs.map((tensor) => inputs[segment.inputs.indexOf(tensor)]!)
    },
    release: () => Promise.resolve(),
  }
}
