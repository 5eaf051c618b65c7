import {
  describeConcatenate,
  describeElementwise,
  describeIdle,
  describeMerge,
  describeResidualScale,
  describeSubtract,
} from './elementwise-layers.ts'
import { type LayerConfig, layerError } from './layer-config.ts'
import type { DescribeLayer } from './layer-facts.ts'
import { describeEmbedding, describeRecurrent } from './recurrent-layers.ts'
import { describeRow, mapClass, rowLayers } from './row-layers.ts'
import {
  describeCropping,
  describeFlatten,
  describeGlobalPool,
  describePermute,
  describePool,
  describeReshape,
  describeUpSampling,
  describeZeroPadding,
} from './shape-layers.ts'
import {
  describeBatchNormalization,
  describeConv,
  describeConvTranspose,
  describeDense,
  describeDepthwiseConv,
  describeSeparableConv,
} from './weighted-layers.ts'

const mapLayers = new Map<string, DescribeLayer>([
  ['Conv2D', describeConv],
  ['DepthwiseConv2D', describeDepthwiseConv],
  ['SeparableConv2D', describeSeparableConv],
  ['Conv2DTranspose', describeConvTranspose],
  ['Dense', describeDense],
  ['BatchNormalization', describeBatchNormalization],
  ['Activation', describeElementwise],
  ['ReLU', describeElementwise],
  ['LeakyReLU', describeElementwise],
  ['ELU', describeElementwise],
  ['Softmax', describeElementwise],
  ['Rescaling', describeElementwise],
  ['Dropout', describeIdle],
  ['SpatialDropout1D', describeIdle],
  ['SpatialDropout2D', describeIdle],
  ['GaussianNoise', describeIdle],
  ['GaussianDropout', describeIdle],
  ['Add', describeMerge],
  ['Multiply', describeMerge],
  ['Average', describeMerge],
  ['Maximum', describeMerge],
  ['Minimum', describeMerge],
  ['Subtract', describeSubtract],
  ['Concatenate', describeConcatenate],
  ['Lambda', describeResidualScale],
  ['CustomScaleLayer', describeResidualScale],
  ['MaxPooling2D', describePool],
  ['AveragePooling2D', describePool],
  ['GlobalMaxPooling2D', describeGlobalPool],
  ['GlobalAveragePooling2D', describeGlobalPool],
  ['ZeroPadding2D', describeZeroPadding],
  ['Cropping2D', describeCropping],
  ['UpSampling2D', describeUpSampling],
  ['Flatten', describeFlatten],
  ['Reshape', describeReshape],
  ['Permute', describePermute],
  ['LSTM', describeRecurrent],
  ['GRU', describeRecurrent],
  ['SimpleRNN', describeRecurrent],
  ['Bidirectional', describeRecurrent],
  ['Embedding', describeEmbedding],
])

/** Every Keras class that can be read, input layers aside. */
const kerasLayers: ReadonlyMap<string, DescribeLayer> = new Map([
  ...mapLayers,
  ...rowLayers.map((name) => [name, describeRow(mapLayers.get(mapClass(name))!)] as const),
])

/** @throws {TypeError} for a class that is not known. */
export function kerasLayer(layer: LayerConfig): DescribeLayer {
  const describe = kerasLayers.get(layer.className)
  if (describe === undefined) {
    throw layerError(layer, `its class must be one of InputLayer, ${[...kerasLayers.keys()].join(', ')}`)
  }
  return describe
}
