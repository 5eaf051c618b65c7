import type { WeightSpec } from '../layer-graph.ts'
import { type LayerConfig, layerError } from './layer-config.ts'

/** What follows from a layer's configuration and the shapes it reads. Shapes are without the batch axis. */
export interface LayerFacts {
  readonly outputShape: readonly number[]
  readonly weights: readonly WeightSpec[]
  readonly operations: number
}

/** @throws {TypeError} where the configuration is not understood or does not fit the shapes. */
export type DescribeLayer = (layer: LayerConfig, inputShapes: readonly (readonly number[])[]) => LayerFacts

export function weight(
  layer: LayerConfig,
  suffix: string,
  shape: readonly number[],
  trained = true,
): WeightSpec {
  return { name: `${layer.name}/${suffix}`, shape, trainable: trained && layer.config['trainable'] !== false }
}

/** The one input of a layer that reads one tensor. */
export function onlyShape(layer: LayerConfig, shapes: readonly (readonly number[])[]): readonly number[] {
  const [shape, ...rest] = shapes
  if (shape === undefined || rest.length > 0)
    throw layerError(layer, `inputs must be 1, current value is ${shapes.length}`)
  return shape
}

/** Rows, columns, channels of a layer that reads one map. */
export function onlyMap(
  layer: LayerConfig,
  shapes: readonly (readonly number[])[],
): [number, number, number] {
  const shape = onlyShape(layer, shapes)
  const [rows, columns, channels] = shape
  if (shape.length !== 3 || rows === undefined || columns === undefined || channels === undefined) {
    throw layerError(
      layer,
      `input must have rows, columns and channels, current shape is [${shape.join(', ')}]`,
    )
  }
  return [rows, columns, channels]
}
