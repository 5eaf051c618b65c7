import { elementCount } from '../../tensor/element-count.ts'
/** Keras layers without weights as functions over symbolic tensors, as in `weighted-layers.ts`. */
import { callLayer, type SymbolicTensor, type TopologyScope } from './topology-builder.ts'
import { layout, mapShape, type Pair, pair, slide, type WindowOptions } from './windows.ts'

export function input(scope: TopologyScope, shape: readonly number[]): SymbolicTensor {
  const config = { batch_input_shape: [null, ...shape], dtype: 'float32' }
  return callLayer(scope, { className: 'InputLayer', name: undefined, config, inputs: [], shape })
}

export function activation(x: SymbolicTensor, kind: string, name?: string): SymbolicTensor {
  const config = { activation: kind }
  return callLayer(x.scope, { className: 'Activation', name, config, inputs: [x], shape: x.shape })
}

export function relu6(x: SymbolicTensor, name: string): SymbolicTensor {
  const config = { max_value: 6, negative_slope: 0, threshold: 0 }
  return callLayer(x.scope, { className: 'ReLU', name, config, inputs: [x], shape: x.shape })
}

/** `padding` is `[[top, bottom], [left, right]]`, or one number for all sides. */
export function zeroPad(
  x: SymbolicTensor,
  padding: number | readonly [Pair, Pair],
  name?: string,
): SymbolicTensor {
  const sides = typeof padding === 'number' ? ([pair(padding), pair(padding)] as const) : padding
  const [rows, columns, channels] = mapShape(x)
  return callLayer(x.scope, {
    className: 'ZeroPadding2D',
    name,
    config: { padding: sides, ...layout },
    inputs: [x],
    shape: [rows + sides[0][0] + sides[0][1], columns + sides[1][0] + sides[1][1], channels],
  })
}

/** The padding that makes a `valid` stride-2 window fall as TensorFlow's checkpoints expect (`correct_pad`). */
export function strideTwoPad(x: SymbolicTensor, kernelSize: number, name: string): SymbolicTensor {
  const half = Math.floor(kernelSize / 2)
  const [rows, columns] = mapShape(x)
  return zeroPad(
    x,
    [
      [half - 1 + (rows % 2), half],
      [half - 1 + (columns % 2), half],
    ],
    name,
  )
}

export function crop(x: SymbolicTensor, cropping: readonly [Pair, Pair], name?: string): SymbolicTensor {
  const [rows, columns, channels] = mapShape(x)
  return callLayer(x.scope, {
    className: 'Cropping2D',
    name,
    config: { cropping, ...layout },
    inputs: [x],
    shape: [rows - cropping[0][0] - cropping[0][1], columns - cropping[1][0] - cropping[1][1], channels],
  })
}

function pool(
  className: string,
  x: SymbolicTensor,
  poolSize: number,
  options: WindowOptions,
): SymbolicTensor {
  const { padding = 'valid' } = options
  const window = pair(poolSize)
  const strides = pair(options.strides ?? poolSize)
  return callLayer(x.scope, {
    className,
    name: options.name,
    config: { pool_size: window, padding, strides, ...layout },
    inputs: [x],
    shape: [...slide(x, window, strides, padding), mapShape(x)[2]],
  })
}

export function maxPool(x: SymbolicTensor, poolSize: number, options: WindowOptions = {}): SymbolicTensor {
  return pool('MaxPooling2D', x, poolSize, options)
}

export function averagePool(
  x: SymbolicTensor,
  poolSize: number,
  options: WindowOptions = {},
): SymbolicTensor {
  return pool('AveragePooling2D', x, poolSize, options)
}

export function globalAveragePool(x: SymbolicTensor, name?: string, keepDims = false): SymbolicTensor {
  const channels = mapShape(x)[2]
  return callLayer(x.scope, {
    className: 'GlobalAveragePooling2D',
    name,
    config: { ...layout, keepdims: keepDims },
    inputs: [x],
    shape: keepDims ? [1, 1, channels] : [channels],
  })
}

export function add(inputs: readonly [SymbolicTensor, SymbolicTensor], name?: string): SymbolicTensor {
  const [{ scope, shape }] = inputs
  return callLayer(scope, { className: 'Add', name, config: {}, inputs, shape })
}

export function concatenate(
  inputs: readonly [SymbolicTensor, ...SymbolicTensor[]],
  options: { readonly axis?: number; readonly name?: string } = {},
): SymbolicTensor {
  const [{ scope, shape }] = inputs
  const channels = inputs.reduce((sum, x) => sum + x.shape.at(-1)!, 0)
  return callLayer(scope, {
    className: 'Concatenate',
    name: options.name,
    config: { axis: options.axis ?? -1 },
    inputs,
    shape: [...shape.slice(0, -1), channels],
  })
}

/** x + branch * scale. Keras writes it as a Lambda; `arguments.scale` tells all there is to know of its function. */
export function scaledSum(
  x: SymbolicTensor,
  branch: SymbolicTensor,
  scale: number,
  name: string,
): SymbolicTensor {
  const config = { output_shape: x.shape, output_shape_type: 'raw', arguments: { scale } }
  return callLayer(x.scope, { className: 'Lambda', name, config, inputs: [x, branch], shape: x.shape })
}

export function dropout(x: SymbolicTensor, rate: number, name: string): SymbolicTensor {
  return callLayer(x.scope, { className: 'Dropout', name, config: { rate }, inputs: [x], shape: x.shape })
}

export function reshape(x: SymbolicTensor, shape: readonly number[], name: string): SymbolicTensor {
  return callLayer(x.scope, {
    className: 'Reshape',
    name,
    config: { target_shape: shape },
    inputs: [x],
    shape,
  })
}

export function flatten(x: SymbolicTensor, name: string): SymbolicTensor {
  const shape = [elementCount(x.shape)]
  return callLayer(x.scope, { className: 'Flatten', name, config: layout, inputs: [x], shape })
}
