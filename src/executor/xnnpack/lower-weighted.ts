import { collectGarbage } from '../../memory/collect-garbage.ts'
import type { Layer } from '../../model-graph/layer-graph.ts'
import { positiveInteger } from '../../model-graph/layers/layer-config.ts'
import { slidingWindow, transposedWindow, type Window } from '../../model-graph/layers/window.ts'
import { affineReader } from '../onnx/batch-norm.ts'
import { outputsFirst, scaleColumns } from '../onnx/weight-order.ts'
import { addAffine, withActivation } from './lower-activation.ts'
import {
  type Columns,
  type LayerCall,
  type LowerLayer,
  noId,
  type Subgraph,
  unbounded,
  type ValueId,
} from './lowering.ts'

type Floats = Float32Array<ArrayBuffer>

/** Padding in XNNPACK's order. TensorFlow's 'same' is asymmetric, so it is written out. */
export function paddingOf({ padBefore, padAfter }: Window): [number, number, number, number] {
  return [padBefore[0], padAfter[1], padAfter[0], padBefore[1]]
}

export function mapOf(call: LayerCall): [number, number, number] {
  return call.inputs[0]!.shape as [number, number, number]
}

function has(layer: Layer, suffix: string): boolean {
  return layer.weights.some(({ name }) => name === `${layer.name}/${suffix}`)
}

function read({ weights }: Subgraph, { layer }: LayerCall, suffix: string): Promise<Floats> {
  return weights.read(`${layer.name}/${suffix}`)
}

/** The bias with the shift of a normalisation taken in; none where there is neither. */
async function addBias(subgraph: Subgraph, call: LayerCall, channels: number): Promise<ValueId> {
  const { layer, folded } = call
  const whole = has(layer, 'bias') ? await read(subgraph, call, 'bias') : undefined
  const own = whole?.subarray(call.columns?.begin ?? 0)
  if (own === undefined && folded === undefined) return noId
  return subgraph.constant('kernel', [channels], (to) => {
    for (let i = 0; i < channels; i++)
      to[i] = (own?.[i] ?? 0) * (folded?.scale[i] ?? 1) + (folded?.shift[i] ?? 0)
  })
}

/** Keras's [inputs, outputs], positions among the inputs, as XNNPACK's [outputs, inputs]. */
function addOutputsFirst(
  subgraph: Subgraph,
  dims: readonly [outputs: number, ...inputs: number[]],
  values: Floats,
  scale: Floats | undefined,
): ValueId {
  return subgraph.constant('kernel', dims, (to) => {
    outputsFirst(values, 1, values.length / dims[0], dims[0], scale, to)
  })
}

/**
 * Kernels that read fewer channels stay as they are. They read a picture, or the first maps made of it, whose errors
 * all that follows makes larger: with them rounded as well MobileNetV2 takes 0.62 of its float32 time instead of 0.64,
 * and changes 3.7 % of its answers instead of 2.8 %.
 */
const leastRoundedChannels = 64

/** What is read where it can be rounded. */
interface RoundedInput {
  readonly source: ValueId
  /** Without the batch axis. */
  readonly shape: readonly number[]
  /** The last axes whose values are rounded alike. */
  readonly together: number
}

/**
 * What a product reads and its kernel, both rounded where the segment is computed in `int8`.
 * @param values Keras's [inputs, outputs], positions among the inputs.
 */
function addFactors(
  subgraph: Subgraph,
  { source, shape, together }: RoundedInput,
  dims: readonly [outputs: number, ...inputs: number[]],
  values: Floats,
  scale: Floats | undefined,
): { readonly source: ValueId; readonly filter: ValueId } {
  const rounds = subgraph.precision === 'int8' && dims.at(-1)! >= leastRoundedChannels
  // Groups have kernels of fewer inputs than there are.
  if (!rounds || dims.at(-1) !== shape.at(-1))
    return { source, filter: addOutputsFirst(subgraph, dims, values, scale) }
  const turned = outputsFirst(values, 1, values.length / dims[0], dims[0], scale)
  return {
    source: subgraph.rounded(source, shape, together),
    filter: subgraph.roundedKernel(dims, turned),
  }
}

/** Keras's order of a depthwise kernel is XNNPACK's. */
function addDepthwiseKernel(
  subgraph: Subgraph,
  { size }: Window,
  channels: number,
  values: Floats,
  scale: Floats | undefined,
): ValueId {
  return subgraph.constant('kernel', [1, ...size, channels], (to) => {
    to.set(scale === undefined ? values : scaleColumns(values, scale))
  })
}

export const lowerConv: LowerLayer = async (subgraph, call) => {
  const { config, output, sources, folded } = call
  const window = slidingWindow(config, mapOf(call), 'kernel_size')
  const groups = positiveInteger(config, 'groups', 1)
  const depth = mapOf(call)[2] / groups
  const filters = output.shape.at(-1)!
  const kernel = await read(subgraph, call, 'kernel')
  const map = { source: sources[0]!, shape: mapOf(call), together: 3 }
  const dims = [filters, ...window.size, depth] as const
  const { source, filter } = addFactors(subgraph, map, dims, kernel, folded?.scale)
  const bias = await addBias(subgraph, call, filters)
  await withActivation(subgraph, call, (target) => {
    const geometry = [...paddingOf(window), ...window.size, ...window.strides, ...window.dilations]
    const channels = [groups, depth, filters / groups]
    subgraph.xnn.conv(
      subgraph.pointer,
      ...geometry,
      ...channels,
      ...unbounded,
      source,
      filter,
      bias,
      target,
      0,
    )
  })
}

function addDepthwise(
  { xnn, pointer }: Subgraph,
  window: Window,
  [multiplier, channels]: readonly [number, number],
  ...operands: readonly [source: ValueId, filter: ValueId, bias: ValueId, target: ValueId]
): void {
  const geometry = [...paddingOf(window), ...window.size, ...window.strides, ...window.dilations]
  xnn.depthwise(pointer, ...geometry, multiplier, channels, ...unbounded, ...operands, 0)
}

export const lowerDepthwiseConv: LowerLayer = async (subgraph, call) => {
  const { config, output, sources, folded } = call
  const window = slidingWindow(config, mapOf(call), 'kernel_size')
  const channels = mapOf(call)[2]
  const filters = output.shape.at(-1)!
  const kernel = await read(subgraph, call, 'depthwise_kernel')
  const filter = addDepthwiseKernel(subgraph, window, filters, kernel, folded?.scale)
  const bias = await addBias(subgraph, call, filters)
  await withActivation(subgraph, call, (target) =>
    addDepthwise(subgraph, window, [filters / channels, channels], sources[0]!, filter, bias, target),
  )
}

export const lowerSeparableConv: LowerLayer = async (subgraph, call) => {
  const { config, output, sources, folded } = call
  const window = slidingWindow(config, mapOf(call), 'kernel_size')
  const channels = mapOf(call)[2]
  const multiplier = positiveInteger(config, 'depth_multiplier', 1)
  const middle = channels * multiplier
  const filters = output.shape.at(-1)!
  const between = subgraph.inner([...window.output, middle])
  // A normalisation goes into the pointwise half only.
  const kernel = await read(subgraph, call, 'depthwise_kernel')
  const depthwise = addDepthwiseKernel(subgraph, window, middle, kernel, undefined)
  addDepthwise(subgraph, window, [multiplier, channels], sources[0]!, depthwise, noId, between)
  const points = await read(subgraph, call, 'pointwise_kernel')
  const map = { source: between, shape: [...window.output, middle], together: 3 }
  const { source, filter } = addFactors(subgraph, map, [filters, 1, 1, middle], points, folded?.scale)
  const bias = await addBias(subgraph, call, filters)
  await withActivation(subgraph, call, (target) => {
    const geometry = [0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, middle, filters]
    subgraph.xnn.conv(subgraph.pointer, ...geometry, ...unbounded, source, filter, bias, target, 0)
  })
}

export const lowerConvTranspose: LowerLayer = async (subgraph, call) => {
  const { config, output, sources, folded } = call
  const { size, strides, cropBefore, cropAfter, extra } = transposedWindow(config, mapOf(call))
  const channels = mapOf(call)[2]
  const filters = output.shape.at(-1)!
  const kernel = await read(subgraph, call, 'kernel')
  // Keras has [positions, filters, channels].
  const filter = subgraph.constant('kernel', [filters, ...size, channels], (to) => {
    const positions = size[0] * size[1]
    for (let from = 0; from < kernel.length; from += channels) {
      const place = from / channels
      const [position, output] = [Math.floor(place / filters), place % filters]
      const factor = folded?.scale[output] ?? 1
      const begin = (output * positions + position) * channels
      for (let i = 0; i < channels; i++) to[begin + i] = kernel[from + i]! * factor
    }
  })
  const bias = await addBias(subgraph, call, filters)
  await withActivation(subgraph, call, (target) => {
    const crop = [cropBefore[0], cropAfter[1], cropAfter[0], cropBefore[1]]
    const geometry = [...crop, ...extra, ...size, ...strides, 1, 1, 1, channels, filters]
    subgraph.xnn.deconv(subgraph.pointer, ...geometry, ...unbounded, sources[0]!, filter, bias, target, 0)
  })
}

/** The kernel is [inputs, outputs], as Keras has it. */
const transposeWeights = 1

/** Bytes of a large matrix that are read at once. */
const blockBytes = 8 * 2 ** 20

/** Some columns of a matrix that is too large to be held whole. */
async function readColumns(
  { weights }: Subgraph,
  { layer }: LayerCall,
  { begin, end }: Columns,
): Promise<Floats> {
  const { name, shape } = layer.weights.find((weight) => weight.name === `${layer.name}/kernel`)!
  const [rows, all] = shape as [number, number]
  const values = new Float32Array(rows * (end - begin))
  const step = Math.max(1, Math.floor(blockBytes / (4 * all)))
  for (let first = 0; first < rows; first += step) {
    const last = Math.min(first + step, rows)
    const block = await weights.readPart!(name, first * all, last * all)
    for (let row = first; row < last; row++) {
      const from = (row - first) * all
      values.set(block.subarray(from + begin, from + end), row * (end - begin))
    }
    // V8 lets such blocks lie until there are many.
    collectGarbage('minor')
  }
  return values
}

/** Of a map it works on the channels of each place. */
export const lowerDense: LowerLayer = async (subgraph, call) => {
  const { inputs, output, sources, folded, columns } = call
  const depth = inputs[0]!.shape.at(-1)!
  const units = output.shape.at(-1)!
  const kernel =
    columns === undefined ? await read(subgraph, call, 'kernel') : await readColumns(subgraph, call, columns)
  const bias = await addBias(subgraph, call, units)
  if (subgraph.precision === 'int8') {
    const row = { source: sources[0]!, shape: inputs[0]!.shape, together: 1 }
    const { source, filter } = addFactors(subgraph, row, [units, depth], kernel, folded?.scale)
    return withActivation(subgraph, call, (target) => {
      subgraph.xnn.dense(subgraph.pointer, ...unbounded, source, filter, bias, target, 0)
    })
  }
  const scaled = folded === undefined ? kernel : scaleColumns(kernel, folded.scale)
  // The largest kernels there are: no copy of them is made.
  const filter = subgraph.kernelInPlace([depth, units], scaled)
  await withActivation(subgraph, call, (target) => {
    subgraph.xnn.dense(subgraph.pointer, ...unbounded, sources[0]!, filter, bias, target, transposeWeights)
  })
}

/** A normalisation that nothing took in. */
export const lowerBatchNorm: LowerLayer = async (subgraph, { layer, output, sources, target }) => {
  const { scale, shift } = await affineReader(layer, subgraph.weights)()
  addAffine(subgraph, output.shape, sources[0]!, target, scale, shift)
}

/** One factor per channel and place of a window of which padding is nothing: what has no node of its own. */
export function addFixedDepthwise(
  subgraph: Subgraph,
  window: Pick<Window, 'size' | 'strides'>,
  channels: number,
  source: ValueId,
  target: ValueId,
  fill: (kernel: Floats) => void,
): void {
  const filter = subgraph.constant('kernel', [1, ...window.size, channels], fill)
  const whole = { ...window, dilations: [1, 1], padBefore: [0, 0], padAfter: [0, 0], output: [0, 0] } as const
  addDepthwise(subgraph, whole, [1, channels], source, filter, noId, target)
}
