import {
  activation,
  add,
  averagePool,
  concatenate,
  crop,
  globalAveragePool,
  input,
  maxPool,
  strideTwoPad,
  zeroPad,
} from './layers.ts'
import { type BuiltTopology, closeScope, openScope, type SymbolicTensor } from './topology-builder.ts'
import { batchNorm, conv2d, dense, separableConv2d } from './weighted-layers.ts'

interface NasNetOptions {
  /** Pixels. */
  readonly size: number
  readonly stemFilters: number
  /** Filters of one branch in the first normal cells; doubled at each reduction. */
  readonly filters: number
  /** Normal cells between reductions. */
  readonly repeats: number
  /** Whether the cell after a reduction reads the cell before the reduction instead of the reduction's input. */
  readonly skipReduction: boolean
}

/** NASNet-A (6 @ 4032) (Zoph et al., arXiv 1707.07012) of Keras: 1041 layers, 331x331x3 to 1000 classes. */
export function buildNasNetLarge(): BuiltTopology {
  return build({ size: 331, stemFilters: 96, filters: 168, repeats: 6, skipReduction: true })
}

/** NASNet-A (4 @ 1056) of Keras: 771 layers, 224x224x3 to 1000 classes. */
export function buildNasNetMobile(): BuiltTopology {
  return build({ size: 224, stemFilters: 32, filters: 44, repeats: 4, skipReduction: false })
}

function build({ size, stemFilters, filters, repeats, skipReduction }: NasNetOptions): BuiltTopology {
  const image = input(openScope(), [size, size, 3])
  const stem = conv2d(image, stemFilters, 3, { strides: 2, bias: false, name: 'stem_conv1' })
  // `x` is the last cell's output, `p` the one before: every cell reads both.
  let p = norm(stem, 'stem_bn1')
  let x = reductionCell(p, undefined, Math.floor(filters / 4), 'stem_1')
  ;[x, p] = [reductionCell(x, p, Math.floor(filters / 2), 'stem_2'), x]
  for (let stage = 0; stage < 3; stage++) {
    const width = filters << stage
    if (stage > 0) {
      const reduced = reductionCell(x, p, width, `reduce_${stage * repeats}`)
      if (!skipReduction) p = x
      x = reduced
    }
    const first = stage === 0 ? 0 : stage * repeats + 1
    for (let cell = first; cell < first + repeats; cell++) [x, p] = [normalCell(x, p, width, `${cell}`), x]
  }
  const features = globalAveragePool(activation(x, 'relu'))
  return closeScope('NASNet', image, dense(features, 1000, 'softmax', 'predictions'))
}

function norm(x: SymbolicTensor, name: string): SymbolicTensor {
  return batchNorm(x, { momentum: 0.9997, name })
}

/** ReLU, separable convolution and batch norm, twice; the stride is in the first. */
function separable(x: SymbolicTensor, filters: number, kernel: number, block: string, strides = 1) {
  let y = activation(x, 'relu')
  if (strides === 2) y = strideTwoPad(y, kernel, `separable_conv_1_pad_${block}`)
  const padding = strides === 2 ? 'valid' : 'same'
  y = separableConv2d(y, filters, kernel, { strides, padding, name: `separable_conv_1_${block}` })
  y = activation(norm(y, `separable_conv_1_bn_${block}`), 'relu')
  y = separableConv2d(y, filters, kernel, { padding: 'same', name: `separable_conv_2_${block}` })
  return norm(y, `separable_conv_2_bn_${block}`)
}

/** Brings the older input to the newer one's size and to `filters` channels. */
function adjust(
  p: SymbolicTensor | undefined,
  x: SymbolicTensor,
  filters: number,
  id: string,
): SymbolicTensor {
  const pointwise = { padding: 'same', bias: false } as const
  if (p === undefined) return x
  if (p.shape[0] !== x.shape[0]) {
    // Two interleaved subsamplings, so that no pixel is lost.
    const half = Math.floor(filters / 2)
    const rectified = activation(p, 'relu', `adjust_relu_1_${id}`)
    let even = averagePool(rectified, 1, { strides: 2, name: `adjust_avg_pool_1_${id}` })
    even = conv2d(even, half, 1, { ...pointwise, name: `adjust_conv_1_${id}` })
    let odd = crop(
      zeroPad(rectified, [
        [0, 1],
        [0, 1],
      ]),
      [
        [1, 0],
        [1, 0],
      ],
    )
    odd = averagePool(odd, 1, { strides: 2, name: `adjust_avg_pool_2_${id}` })
    odd = conv2d(odd, half, 1, { ...pointwise, name: `adjust_conv_2_${id}` })
    return norm(concatenate([even, odd]), `adjust_bn_${id}`)
  }
  if (p.shape[2] === filters) return p
  const name = `adjust_conv_projection_${id}`
  return norm(conv2d(activation(p, 'relu'), filters, 1, { ...pointwise, name }), `adjust_bn_${id}`)
}

function squeeze(x: SymbolicTensor, filters: number, kind: string, id: string): SymbolicTensor {
  const name = `${kind}_conv_1_${id}`
  const convolved = conv2d(activation(x, 'relu'), filters, 1, { padding: 'same', bias: false, name })
  return norm(convolved, `${kind}_bn_1_${id}`)
}

function normalCell(x: SymbolicTensor, older: SymbolicTensor, filters: number, id: string): SymbolicTensor {
  const p = adjust(older, x, filters, id)
  const h = squeeze(x, filters, 'normal', id)
  const smooth = (y: SymbolicTensor, side: string) =>
    averagePool(y, 3, { strides: 1, padding: 'same', name: `normal_${side}_${id}` })
  const branch = (y: SymbolicTensor, kernel: number, side: string) =>
    separable(y, filters, kernel, `normal_${side}_${id}`)
  const sum1 = add([branch(h, 5, 'left1'), branch(p, 3, 'right1')], `normal_add_1_${id}`)
  const sum2 = add([branch(p, 5, 'left2'), branch(p, 3, 'right2')], `normal_add_2_${id}`)
  const sum3 = add([smooth(h, 'left3'), p], `normal_add_3_${id}`)
  const sum4 = add([smooth(p, 'left4'), smooth(p, 'right4')], `normal_add_4_${id}`)
  const sum5 = add([branch(h, 3, 'left5'), h], `normal_add_5_${id}`)
  return concatenate([p, sum1, sum2, sum3, sum4, sum5], { name: `normal_concat_${id}` })
}

function reductionCell(
  x: SymbolicTensor,
  older: SymbolicTensor | undefined,
  filters: number,
  id: string,
): SymbolicTensor {
  const p = adjust(older, x, filters, id)
  const h = squeeze(x, filters, 'reduction', id)
  const padded = strideTwoPad(h, 3, `reduction_pad_1_${id}`)
  const halving = (side: string) => ({ strides: 2, name: `reduction_${side}_${id}` })
  const branch = (y: SymbolicTensor, kernel: number, side: string, strides = 2) =>
    separable(y, filters, kernel, `reduction_${side}_${id}`, strides)
  const sum1 = add([branch(h, 5, 'left1'), branch(p, 7, 'right1')], `reduction_add_1_${id}`)
  const sum2 = add([maxPool(padded, 3, halving('left2')), branch(p, 7, 'right2')], `reduction_add_2_${id}`)
  const sum3 = add([averagePool(padded, 3, halving('left3')), branch(p, 5, 'right3')], `reduction_add3_${id}`)
  const smooth = averagePool(sum1, 3, { strides: 1, padding: 'same', name: `reduction_left4_${id}` })
  const sum4 = add([sum2, smooth])
  const sum5 = add(
    [branch(sum1, 3, 'left4', 1), maxPool(padded, 3, halving('right5'))],
    `reduction_add4_${id}`,
  )
  return concatenate([sum2, sum3, sum4, sum5], { name: `reduction_concat_${id}` })
}
