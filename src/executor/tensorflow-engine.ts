import type { Layer, LayerGraph } from '../model-graph/layer-graph.ts'
import type { Model, WeightSource } from '../model-graph/model.ts'
import type { Segment } from '../model-graph/segment.ts'
import type { TensorValue } from '../tensor/tensor-value.ts'
import { checkInputs } from './check-inputs.ts'
import { type Engine, type Executable, requireFloat32 } from './engine.ts'
import { toBorderOrder, toKerasOrder } from './tensorflow/border-order.ts'
import { makeLayer } from './tensorflow/layers-model-layer.ts'
import {
  type LayersModel,
  loadTensorFlow,
  locateTensorFlow,
  type SymbolicTensor,
  type TensorFlow,
  type TfLayer,
} from './tensorflow/tensorflow-js.ts'

/**
 * TensorFlow's own kernels through `tf.LayersModel` pieces: one functional model per segment, made of the segment's
 * Keras layers. Layers models only. libtensorflow belongs to the thread that compiles first; a run blocks it.
 * @throws {Error} naming the command that sets TensorFlow.js up where it is missing.
 */
export function tensorflowEngine(): Engine {
  const require = locateTensorFlow()
  return {
    name: 'tensorflow',
    compile: async (model, segment, asked) => {
      requireFloat32('tensorflow', asked)
      return compileSegment(loadTensorFlow(require, asked.threads), model, segment)
    },
  }
}

async function compileSegment(tf: TensorFlow, model: Model, segment: Segment): Promise<Executable> {
  const { graph } = model
  const passing = new Set(segment.inputs)
  const made = segment.outputs.filter((tensor) => !passing.has(tensor))
  const { layersModel, layers } = buildModel(tf, graph, segment, made)
  try {
    for (const [layer, tfLayer] of layers) await writeWeights(tf, layer, tfLayer, model.weights)
  } catch (error) {
    layersModel?.dispose()
    throw error
  }
  let released = false
  return {
    // async, so that a refusal is a rejection
    async run(inputs) {
      if (released) throw new Error(`Cannot run a segment of ${graph.name}: it must not be released`)
      const batch = checkInputs(graph, segment, inputs)
      const computed = layersModel === undefined ? [] : predict(tf, graph, segment, layersModel, inputs, made)
      return segment.outputs.map((tensor) => {
        const position = made.indexOf(tensor)
        if (position < 0) return inputs[segment.inputs.indexOf(tensor)]!
        return { ...computed[position]!, shape: [batch, ...computed[position]!.shape.slice(1)] }
      })
    },
    async release() {
      if (released) return
      released = true
      layersModel?.dispose()
    },
  }
}

function buildModel(
  tf: TensorFlow,
  graph: LayerGraph,
  segment: Segment,
  made: readonly number[],
): { layersModel: LayersModel | undefined; layers: Map<Layer, TfLayer> } {
  const places = new Map<number, SymbolicTensor>(
    segment.inputs.map((id) => [id, tf.input({ shape: graph.tensors[id]!.shape, name: `tensor_${id}` })]),
  )
  const inputs = segment.inputs.map((tensor) => places.get(tensor)!)
  const placeOf = (tensor: number, reader: string): SymbolicTensor => {
    const place = places.get(tensor)
    if (place !== undefined) return place
    const { name } = graph.tensors[tensor]!
    throw new TypeError(
      `Cannot compile ${graph.name}: ${reader} must read what the segment makes or is given, '${name}' is neither`,
    )
  }
  const layers = new Map<Layer, TfLayer>()
  for (const index of segment.layers) {
    const layer = graph.layers[index]!
    if (layer.type === 'InputLayer') continue
    if (layer.definition.source !== 'keras') {
      throw new TypeError(
        `Cannot compile ${graph.name}: engine tensorflow must get a layers model, '${layer.name}' comes from an ONNX file; engines onnxruntime and wasm run it`,
      )
    }
    const { config } = layer.definition
    const tfLayer = makeLayer(tf, {
      layer,
      config: { name: layer.name, className: layer.type, config, origin: graph.name },
      inputs: layer.inputs.map((tensor) => graph.tensors[tensor]!),
      output: graph.tensors[layer.outputs[0]!]!,
    })
    const reads = layer.inputs.map((tensor) => placeOf(tensor, `'${layer.name}'`))
    places.set(layer.outputs[0]!, tfLayer.apply(reads.length === 1 ? reads[0]! : reads))
    layers.set(layer, tfLayer)
  }
  const outputs = made.map((tensor) => placeOf(tensor, 'the output'))
  if (outputs.length === 0) return { layersModel: undefined, layers }
  // An input that only passes by would be no part of a functional model.
  return { layersModel: tf.model({ inputs, outputs, name: 'segment' }), layers }
}

/** One weight at a time: what has been written is freed before the next is read. */
async function writeWeights(
  tf: TensorFlow,
  layer: Layer,
  tfLayer: TfLayer,
  weights: WeightSource,
): Promise<void> {
  for (const { name, shape } of layer.weights) {
    const role = roleOf(name)
    const variable = tfLayer.weights.find(({ originalName }) => roleOf(originalName) === role)
    if (variable === undefined)
      throw new TypeError(`Cannot compile '${layer.name}': TensorFlow.js must know its weight ${role}`)
    const value = tf.tensor(await weights.read(name), shape, 'float32')
    variable.write(value)
    value.dispose()
  }
}

function roleOf(weight: string): string {
  return weight.slice(weight.lastIndexOf('/') + 1)
}

function predict(
  tf: TensorFlow,
  graph: LayerGraph,
  segment: Segment,
  layersModel: LayersModel,
  inputs: readonly TensorValue[],
  made: readonly number[],
): TensorValue[] {
  const values: TensorValue[] = []
  tf.tidy(() => {
    const feeds = inputs.map(({ data, shape }, position) => {
      const order = toKerasOrder(graph.tensors[segment.inputs[position]!]!)
      const value = tf.tensor(data, shape, 'float32')
      return order === undefined ? value : tf.transpose(value, order)
    })
    const results = [layersModel.predictOnBatch(feeds.length === 1 ? feeds[0]! : feeds)].flat()
    for (const [position, result] of results.entries()) {
      const order = toBorderOrder(graph.tensors[made[position]!]!)
      const value = order === undefined ? result : tf.transpose(result, order)
      values.push({ shape: value.shape, data: value.dataSync() })
    }
    // Nothing is returned from here: tidy would look for tensors in every value.
  })
  return values
}
