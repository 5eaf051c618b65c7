import { elementCount } from '../tensor/element-count.ts'
import { elementsOf, type LayerGraph } from './layer-graph.ts'

export interface ModelSize {
  /** Input layers included, as Keras counts. */
  readonly layers: number
  readonly parameters: number
  readonly trainableParameters: number
  /** Bytes of all weights and of every layer's output for one request, as float32: 4 * (parameters + values). */
  readonly memoryBytes: number
}

/**
 * How large a model is. The memory is that of an engine which keeps every layer's output, the usual estimate for Keras
 * models; engines that reuse buffers and fuse layers need less.
 */
export function modelSize(graph: LayerGraph): ModelSize {
  const weights = graph.layers.flatMap((layer) => layer.weights)
  const count = (only: (trainable: boolean) => boolean): number =>
    weights
      .filter(({ trainable }) => only(trainable))
      .reduce((sum, { shape }) => sum + elementCount(shape), 0)
  const parameters = count(() => true)
  const values = graph.tensors.reduce((sum, tensor) => sum + elementsOf(tensor), 0)
  return {
    layers: graph.layers.length,
    parameters,
    trainableParameters: count((trainable) => trainable),
    memoryBytes: 4 * (parameters + values),
  }
}
