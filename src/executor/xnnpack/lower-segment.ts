import type { Layer, LayerGraph } from '../../model-graph/layer-graph.ts'
import { mapClass, rowLayers } from '../../model-graph/layers/row-layers.ts'
import type { Model } from '../../model-graph/model.ts'
import type { Segment } from '../../model-graph/segment.ts'
import type { Precision } from '../engine.ts'
import { affineReader, foldableBatchNorms } from '../onnx/batch-norm.ts'
import type { SegmentPart } from './divide-by-weights.ts'
import type { XnnLibrary } from './library.ts'
import {
  lowerActivation,
  lowerElu,
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
import { overRow } from './lower-row.ts'
import {
  lowerBatchNorm,
  lowerConv,
  lowerConvTranspose,
  lowerDense,
  lowerDepthwiseConv,
  lowerSeparableConv,
} from './lower-weighted.ts'
import { type Columns, type External, type LowerLayer, Subgraph } from './lowering.ts'

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
  ['Dropout', lowerReshape],
  ['SpatialDropout1D', lowerReshape],
  ['SpatialDropout2D', lowerReshape],
  ['GaussianNoise', lowerReshape],
  ['GaussianDropout', lowerReshape],
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
])

const lowerings: ReadonlyMap<string, LowerLayer> = new Map([
  ...mapLowerings,
  ...rowLayers.map((name) => [name, overRow(mapLowerings.get(mapClass(name))!)] as const),
])

/**
 * Refuses what the engine cannot compute before any memory is taken for it.
 * @throws {TypeError} naming the layer.
 */
export function requireLowerable(graph: LayerGraph, segment: Segment): void {
  for (const index of segment.layers) {
    const { name, type, definition } = graph.layers[index]!
    if (type === 'InputLayer') continue
    if (definition.source !== 'keras')
      throw new TypeError(
        `Cannot compile ${graph.name}: engine xnnpack must get a layers model, '${name}' comes from an ONNX file; engines onnxruntime and wasm run it`,
      )
    if (!lowerings.has(type))
      throw new TypeError(`Cannot compile ${graph.name}: engine xnnpack must know class ${type} of '${name}'`)
  }
}

/** Lowers a segment, reading its weights one layer at a time. The caller closes the subgraph. */
export async function lowerSegment(
  xnn: XnnLibrary,
  { graph, weights }: Model,
  segment: SegmentPart,
  externals: readonly External[],
  precision: Precision,
): Promise<Subgraph> {
  const subgraph = new Subgraph(xnn, graph, weights, externals, precision)
  const folds = foldableBatchNorms(graph, segment)
  const foldedAway = new Set([...folds.values()].map(({ index }) => index))
  try {
    for (const index of segment.layers) {
      const layer = graph.layers[index]!
      if (layer.type !== 'InputLayer' && !foldedAway.has(index))
        await lowerLayer(subgraph, graph, layer, folds.get(index), segment.columns)
    }
  } catch (error) {
    subgraph.close(false)
    throw error
  }
  return subgraph
}

async function lowerLayer(
  subgraph: Subgraph,
  graph: LayerGraph,
  layer: Layer,
  normalisation: Layer | undefined,
  columns: Columns | undefined,
): Promise<void> {
  const { name, type, inputs, definition } = layer
  const whole = graph.tensors[(normalisation ?? layer).outputs[0]!]!
  const output = columns === undefined ? whole : { ...whole, shape: [columns.end - columns.begin] }
  const config = definition.source === 'keras' ? definition.config : {}
  await lowerings.get(type)!(subgraph, {
    layer,
    config: { name, className: type, config, origin: graph.name },
    folded: normalisation && (await affineReader(normalisation, subgraph.weights)()),
    inputs: inputs.map((tensor) => graph.tensors[tensor]!),
    output,
    columns,
    sources: inputs.map((tensor) => subgraph.read(tensor, name)),
    target: subgraph.make(output.id),
  })
}
