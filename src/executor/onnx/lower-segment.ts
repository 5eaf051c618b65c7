import { borderShape, type Layer, type LayerGraph } from '../../model-graph/layer-graph.ts'
import type { LayerConfig } from '../../model-graph/layers/layer-config.ts'
import { mapClass, rowLayers } from '../../model-graph/layers/row-layers.ts'
import type { Model } from '../../model-graph/model.ts'
import type { Segment } from '../../model-graph/segment.ts'
import type { GraphValue, OnnxGraph } from '../../onnx/onnx-message.ts'
import { affineReader, foldableBatchNorms, lowerBatchNorm } from './batch-norm.ts'
import { addBlockedInput } from './blocked-layout.ts'
import {
  lowerActivation,
  lowerElu,
  lowerIdentity,
  lowerLeakyRelu,
  lowerRelu,
  lowerRescaling,
  lowerSoftmax,
} from './lower-activation.ts'
import {
  lowerCropping,
  lowerGlobalPool,
  lowerPermute,
  lowerPool,
  lowerReshape,
  lowerUpSampling,
  lowerZeroPadding,
} from './lower-map.ts'
import {
  lowerAdd,
  lowerAverage,
  lowerConcatenate,
  lowerMaximum,
  lowerMinimum,
  lowerMultiply,
  lowerResidualScale,
  lowerSubtract,
} from './lower-merge.ts'
import { lowerOnnxBorders } from './lower-onnx-borders.ts'
import { lowerOnnxNode } from './lower-onnx-node.ts'
import { lowerEmbedding, lowerRecurrent } from './lower-recurrent.ts'
import { overRow } from './lower-row.ts'
import {
  lowerConv,
  lowerConvTranspose,
  lowerDense,
  lowerDepthwiseConv,
  lowerSeparableConv,
} from './lower-weighted.ts'
import { addNode, type Lowering, type LowerLayer } from './lowering.ts'

const mapLowerings = new Map<string, LowerLayer>([
  ['Conv2D', lowerConv],
  ['DepthwiseConv2D', lowerDepthwiseConv],
  ['SeparableConv2D', lowerSeparableConv],
  ['Conv2DTranspose', lowerConvTranspose],
  ['Dense', lowerDense],
  ['BatchNormalization', lowerBatchNorm],
  ['Activation', lowerActivation],
  ['ReLU', lowerRelu],
  ['LeakyReLU', lowerLeakyRelu],
  ['ELU', lowerElu],
  ['Softmax', lowerSoftmax],
  ['Rescaling', lowerRescaling],
  ['Dropout', lowerIdentity],
  ['SpatialDropout1D', lowerIdentity],
  ['SpatialDropout2D', lowerIdentity],
  ['GaussianNoise', lowerIdentity],
  ['GaussianDropout', lowerIdentity],
  ['Add', lowerAdd],
  ['Multiply', lowerMultiply],
  ['Subtract', lowerSubtract],
  ['Average', lowerAverage],
  ['Maximum', lowerMaximum],
  ['Minimum', lowerMinimum],
  ['Concatenate', lowerConcatenate],
  ['Lambda', lowerResidualScale],
  ['CustomScaleLayer', lowerResidualScale],
  ['MaxPooling2D', lowerPool],
  ['AveragePooling2D', lowerPool],
  ['GlobalMaxPooling2D', lowerGlobalPool],
  ['GlobalAveragePooling2D', lowerGlobalPool],
  ['ZeroPadding2D', lowerZeroPadding],
  ['Cropping2D', lowerCropping],
  ['UpSampling2D', lowerUpSampling],
  ['Flatten', lowerReshape],
  ['Reshape', lowerReshape],
  ['Permute', lowerPermute],
  ['LSTM', lowerRecurrent],
  ['GRU', lowerRecurrent],
  ['SimpleRNN', lowerRecurrent],
  ['Bidirectional', lowerRecurrent],
  ['Embedding', lowerEmbedding],
])

const lowerings: ReadonlyMap<string, LowerLayer> = new Map([
  ...mapLowerings,
  ...rowLayers.map((name) => [name, overRow(mapLowerings.get(mapClass(name))!)] as const),
])

/** Newest operator set that both ONNX Runtime builds run and that needs no newer file format. */
const opset = 17

/**
 * Lowers a segment to an ONNX model, of which no weight is read yet. Its inputs and outputs are the segment's, in its order and under their
 * tensors' names (an output that is an input as well gets `:out` appended): float32, symbolic batch axis, then the
 * tensor's `borderShape`. Of an ONNX file the batch axis is 1, and names at the borders may have suffixes.
 * @param entersBlocked Maps at the borders enter the runtime's blocked channel layout, where it has one.
 * @throws {TypeError} where a layer reads what is neither made in the segment nor one of its inputs.
 */
export function lowerSegment({ graph, weights }: Model, segment: Segment, entersBlocked = false): OnnxGraph {
  const lowering: Lowering = { nodes: [], initializers: [], weights, entersBlocked }
  const folds = foldableBatchNorms(graph, segment)
  const foldedAway = new Set([...folds.values()].map(({ index }) => index))
  const available = new Set(segment.inputs)
  for (const index of segment.layers) {
    const layer = graph.layers[index]!
    requireAvailable(graph, layer, available)
    for (const tensor of layer.outputs) available.add(tensor)
    if (layer.type !== 'InputLayer' && !foldedAway.has(index))
      lowerLayer(lowering, graph, layer, folds.get(index))
  }
  for (const tensor of segment.outputs) {
    if (!available.has(tensor)) {
      throw new TypeError(
        `Cannot lower ${graph.name}: output '${graph.tensors[tensor]!.name}' must be made in the segment`,
      )
    }
  }

  const { onnxHeader } = graph
  if (onnxHeader !== undefined) {
    const borders = lowerOnnxBorders(lowering, graph, segment)
    return { ...lowering, ...borders, name: graph.name, opset: onnxHeader }
  }
  const passing = new Set(segment.inputs)
  const inputs = segment.inputs.map((tensor) => {
    const value = graphValue(graph, tensor)
    return { ...value, name: addBlockedInput(lowering, graph, segment, tensor) }
  })
  const outputs = segment.outputs.map((tensor) => {
    const value = graphValue(graph, tensor)
    if (!passing.has(tensor)) return value
    return { ...value, name: addNode(lowering, 'Identity', [value.name], `${value.name}:out`) }
  })
  return { ...lowering, name: graph.name, opset, inputs, outputs }
}

function graphValue(graph: LayerGraph, tensor: number): GraphValue {
  const { name } = graph.tensors[tensor]!
  return { name, shape: borderShape(graph.tensors[tensor]!) }
}

function requireAvailable(graph: LayerGraph, layer: Layer, available: ReadonlySet<number>): void {
  const missing = layer.inputs.find((tensor) => !available.has(tensor))
  if (missing === undefined) return
  throw new TypeError(
    `Cannot lower ${graph.name}: '${layer.name}' must read what the segment makes or is given, '${graph.tensors[missing]!.name}' is neither`,
  )
}

function lowerLayer(lowering: Lowering, graph: LayerGraph, layer: Layer, folded: Layer | undefined): void {
  if (layer.definition.source === 'onnx') {
    lowerOnnxNode(lowering, layer, layer.definition)
    return
  }
  const lower = lowerings.get(layer.type)
  if (lower === undefined)
    throw new TypeError(`Cannot lower ${graph.name}: class ${layer.type} of '${layer.name}' must be known`)
  const config: LayerConfig = {
    name: layer.name,
    className: layer.type,
    config: layer.definition.config,
    origin: graph.name,
  }
  lower(lowering, {
    layer,
    config,
    folded: folded === undefined ? undefined : affineReader(folded, lowering.weights),
    inputs: layer.inputs.map((tensor) => graph.tensors[tensor]!),
    output: graph.tensors[(folded ?? layer).outputs[0]!]!,
  })
}
