import type { LayerConfig } from './layer-config.ts'
import { layerError } from './layer-config.ts'
import { type DescribeLayer, onlyShape } from './layer-facts.ts'

/** Classes of layers of one dimension that are those of two dimensions over a map of one row. */
export const rowLayers = [
  'Conv1D',
  'DepthwiseConv1D',
  'SeparableConv1D',
  'Conv1DTranspose',
  'MaxPooling1D',
  'AveragePooling1D',
  'GlobalMaxPooling1D',
  'GlobalAveragePooling1D',
  'ZeroPadding1D',
  'Cropping1D',
  'UpSampling1D',
] as const

/** The class of two dimensions that a class of {@link rowLayers} is. */
export function mapClass(className: string): string {
  return className.replace('1D', '2D')
}

/** Settings that count steps: in two dimensions rows first. */
const steps = ['kernel_size', 'pool_size', 'strides', 'dilation_rate'] as const
/** Settings that are steps before and after. */
const edges = ['padding', 'cropping'] as const

/** The settings of the same layer over one row. */
export function mapConfig(layer: LayerConfig): LayerConfig {
  const config: Record<string, unknown> = { ...layer.config }
  for (const key of steps) {
    const value = single(layer.config[key])
    // Pooling's strides are its window where there are none.
    if (value == null) delete config[key]
    else config[key] = [1, value]
  }
  for (const key of edges) {
    const value = layer.config[key]
    if (typeof value === 'string' || value === undefined) continue
    config[key] = [[0, 0], Array.isArray(value) ? value : [value, value]]
  }
  if (layer.className === 'ZeroPadding1D')
    config['padding'] ??= [
      [0, 0],
      [1, 1],
    ]
  if (layer.className === 'Cropping1D')
    config['cropping'] ??= [
      [0, 0],
      [1, 1],
    ]
  if (layer.className === 'UpSampling1D') config['size'] = [1, single(layer.config['size']) ?? 2]
  return { ...layer, className: mapClass(layer.className), config }
}

function single(value: unknown): unknown {
  return Array.isArray(value) && value.length === 1 ? value[0] : value
}

/** A description of a layer of two dimensions, of the one of one dimension. */
export function describeRow(describe: DescribeLayer): DescribeLayer {
  return (layer, shapes) => {
    const shape = onlyShape(layer, shapes)
    if (shape.length !== 2)
      throw layerError(layer, `input must have steps and channels, current shape is [${shape.join(', ')}]`)
    const facts = describe({ ...mapConfig(layer), className: layer.className }, [[1, ...shape]])
    const { outputShape, weights } = facts
    return {
      ...facts,
      outputShape: outputShape.length === 3 ? outputShape.slice(1) : outputShape,
      // Kernels have no axis for the rows.
      weights: weights.map((spec) =>
        spec.shape.length === 4 ? { ...spec, shape: spec.shape.slice(1) } : spec,
      ),
    }
  }
}
