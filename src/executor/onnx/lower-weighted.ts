import type { Layer } from '../../model-graph/layer-graph.ts'
import { positiveInteger } from '../../model-graph/layers/layer-config.ts'
import { slidingWindow, transposedWindow, type Window } from '../../model-graph/layers/window.ts'
import type { Attribute } from '../../onnx/onnx-message.ts'
import { withActivation } from './lower-activation.ts'
import { addConstant, addNode, type LayerCall, type Lowering, type LowerLayer } from './lowering.ts'
import { outputsFirst, scaleColumns } from './weight-order.ts'

type Floats = Float32Array<ArrayBuffer>

function has(layer: Layer, suffix: string): boolean {
  return layer.weights.some(({ name }) => name === `${layer.name}/${suffix}`)
}

function mapOf(call: LayerCall): [number, number, number] {
  return call.inputs[0]!.shape as [number, number, number]
}

/** The layer's kernel, put into ONNX's order by `reorder` with the factors of a normalisation taken in. */
function addKernel(
  lowering: Lowering,
  call: LayerCall,
  suffix: string,
  dims: readonly number[],
  reorder: (kernel: Floats, scale?: Floats) => Floats,
): string {
  const name = `${call.layer.name}/${suffix}`
  return addConstant(lowering, name, dims, async () => {
    const affine = await call.folded?.()
    return reorder(await lowering.weights.read(name), affine?.scale)
  })
}

/** @returns The bias with the shift of a normalisation taken in; nothing where there is neither. */
function addBias(lowering: Lowering, call: LayerCall, channels: number): string[] {
  const { layer, folded } = call
  const own = has(layer, 'bias')
  if (!own && folded === undefined) return []
  const name = `${layer.name}/bias`
  const bias = addConstant(lowering, name, [channels], async () => {
    const affine = await folded?.()
    const values = own ? await lowering.weights.read(name) : new Float32Array(channels)
    return affine === undefined ? values : values.map((b, i) => b * affine.scale[i]! + affine.shift[i]!)
  })
  return [bias]
}

/** TensorFlow's 'same' is asymmetric: padding is written out instead of `auto_pad`. */
export function windowAttributes(window: Window): Record<string, Attribute> {
  return {
    kernel_shape: { ints: window.size },
    strides: { ints: window.strides },
    dilations: { ints: window.dilations },
    pads: { ints: [...window.padBefore, ...window.padAfter] },
  }
}

export const lowerConv: LowerLayer = (lowering, call) => {
  const { config, inputs, output } = call
  const window = slidingWindow(config, mapOf(call), 'kernel_size')
  const groups = positiveInteger(config, 'groups', 1)
  const depth = mapOf(call)[2] / groups
  const filters = output.shape.at(-1)!
  const kernel = addKernel(lowering, call, 'kernel', [filters, depth, ...window.size], (values, scale) =>
    outputsFirst(values, window.size[0] * window.size[1], depth, filters, scale),
  )
  const operands = [inputs[0]!.name, kernel, ...addBias(lowering, call, filters)]
  withActivation(lowering, config, output.name, (name) => {
    addNode(lowering, 'Conv', operands, name, { ...windowAttributes(window), group: { int: groups } })
  })
}

export const lowerDepthwiseConv: LowerLayer = (lowering, call) => {
  const { config, inputs, output } = call
  const window = slidingWindow(config, mapOf(call), 'kernel_size')
  const filters = output.shape.at(-1)!
  const kernel = addKernel(
    lowering,
    call,
    'depthwise_kernel',
    [filters, 1, ...window.size],
    (values, scale) => outputsFirst(values, window.size[0] * window.size[1], 1, filters, scale),
  )
  const operands = [inputs[0]!.name, kernel, ...addBias(lowering, call, filters)]
  withActivation(lowering, config, output.name, (name) => {
    addNode(lowering, 'Conv', operands, name, { ...windowAttributes(window), group: { int: mapOf(call)[2] } })
  })
}

export const lowerSeparableConv: LowerLayer = (lowering, call) => {
  const { layer, config, inputs, output } = call
  const window = slidingWindow(config, mapOf(call), 'kernel_size')
  const channels = mapOf(call)[2]
  const middle = channels * positiveInteger(config, 'depth_multiplier', 1)
  const filters = output.shape.at(-1)!
  // A normalisation goes into the pointwise half only.
  const unscaled = (values: Floats): Floats =>
    outputsFirst(values, window.size[0] * window.size[1], 1, middle)
  const depthwise = addKernel(lowering, call, 'depthwise_kernel', [middle, 1, ...window.size], unscaled)
  const between = addNode(lowering, 'Conv', [inputs[0]!.name, depthwise], `${layer.name}:depthwise`, {
    ...windowAttributes(window),
    group: { int: channels },
  })
  const pointwise = addKernel(lowering, call, 'pointwise_kernel', [filters, middle, 1, 1], (values, scale) =>
    outputsFirst(values, 1, middle, filters, scale),
  )
  const operands = [between, pointwise, ...addBias(lowering, call, filters)]
  withActivation(lowering, config, output.name, (name) => {
    addNode(lowering, 'Conv', operands, name, { kernel_shape: { ints: [1, 1] } })
  })
}

export const lowerConvTranspose: LowerLayer = (lowering, call) => {
  const { config, inputs, output } = call
  const window = transposedWindow(config, mapOf(call))
  const channels = mapOf(call)[2]
  const filters = output.shape.at(-1)!
  const positions = window.size[0] * window.size[1]
  const kernel = addKernel(lowering, call, 'kernel', [channels, filters, ...window.size], (values, scale) => {
    // Keras keeps [positions, filters, channels] here: outputs and inputs are exchanged.
    const reordered = outputsFirst(values, positions, filters, channels)
    return scale === undefined
      ? reordered
      : reordered.map((w, i) => w * scale[Math.floor(i / positions) % filters]!)
  })
  const operands = [inputs[0]!.name, kernel, ...addBias(lowering, call, filters)]
  withActivation(lowering, config, output.name, (name) => {
    addNode(lowering, 'ConvTranspose', operands, name, {
      kernel_shape: { ints: window.size },
      strides: { ints: window.strides },
      pads: { ints: [...window.cropBefore, ...window.cropAfter] },
      output_padding: { ints: window.extra },
    })
  })
}

/** A matrix product for vectors; for maps, where it works on the channels of each place, a convolution of size 1. */
export const lowerDense: LowerLayer = (lowering, call) => {
  const { config, inputs, output } = call
  const depth = inputs[0]!.shape.at(-1)!
  const units = output.shape.at(-1)!
  const places = output.shape.slice(1).map(() => 1)
  if (places.length === 0) {
    const kernel = addKernel(lowering, call, 'kernel', [depth, units], (values, scale) =>
      scale === undefined ? values : scaleColumns(values, scale),
    )
    const operands = [inputs[0]!.name, kernel, ...addBias(lowering, call, units)]
    withActivation(lowering, config, output.name, (name) => addNode(lowering, 'Gemm', operands, name))
    return
  }
  const kernel = addKernel(lowering, call, 'kernel', [units, depth, ...places], (values, scale) =>
    outputsFirst(values, 1, depth, units, scale),
  )
  const operands = [inputs[0]!.name, kernel, ...addBias(lowering, call, units)]
  withActivation(lowering, config, output.name, (name) =>
    addNode(lowering, 'Conv', operands, name, { kernel_shape: { ints: places } }),
  )
}
