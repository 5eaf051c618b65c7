import type { GraphTensor, Layer } from '../../model-graph/layer-graph.ts'
import type { LayerConfig } from '../../model-graph/layers/layer-config.ts'
import type { TensorFlow, TfLayer, TfTensor } from './tensorflow-js.ts'

/** One Keras layer to make: tensors (Keras shapes, without batch axis) that it reads and gives. */
export interface LayerCall {
  readonly layer: Layer
  readonly config: LayerConfig
  readonly inputs: readonly GraphTensor[]
  readonly output: GraphTensor
}

export type MakeLayer = (tf: TensorFlow, call: LayerCall) => TfLayer

/** TensorFlow.js takes fewer characters in a name than Keras. */
export function nameOf(layer: Layer): string {
  return `layer_${layer.index}`
}

/** A layer that TensorFlow.js lacks, as a class of its own kind around a function. */
export function computed(
  tf: TensorFlow,
  { layer, output }: Pick<LayerCall, 'layer' | 'output'>,
  compute: (inputs: readonly TfTensor[]) => TfTensor,
): TfLayer {
  class Computed extends tf.layers.Layer {
    static readonly className = 'SurgeonComputed'
    override call(inputs: TfTensor | readonly TfTensor[]): TfTensor {
      return tf.tidy(() => compute([inputs].flat()))
    }
    computeOutputShape(): (number | null)[] {
      return [null, ...output.shape]
    }
  }
  return new Computed({ name: nameOf(layer) })
}
