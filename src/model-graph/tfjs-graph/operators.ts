import { TensorProto_DataType as Type } from 'onnx-buf'
import type { Attribute } from '../../onnx/onnx-message.ts'
import { writeConv, writeConvTranspose, writeDepthwiseConv, writePool, writeResize } from './map-operators.ts'
import type { NodeWriter } from './node-writer.ts'
import { typeOf } from './types.ts'
import { writeFused } from './write-fused.ts'

type Write = (writer: NodeWriter) => void

/** Operators that differ in name only. */
const same: Readonly<Record<string, string>> = {
  Abs: 'Abs',
  Add: 'Add',
  AddN: 'Sum',
  AddV2: 'Add',
  Atan: 'Atan',
  BiasAdd: 'Add',
  Ceil: 'Ceil',
  Cos: 'Cos',
  Div: 'Div',
  Elu: 'Elu',
  Equal: 'Equal',
  Erf: 'Erf',
  Exp: 'Exp',
  Floor: 'Floor',
  Greater: 'Greater',
  GreaterEqual: 'GreaterOrEqual',
  Identity: 'Identity',
  Inv: 'Reciprocal',
  IsNan: 'IsNaN',
  Less: 'Less',
  LessEqual: 'LessOrEqual',
  Log: 'Log',
  LogicalAnd: 'And',
  LogicalNot: 'Not',
  LogicalOr: 'Or',
  Maximum: 'Max',
  Minimum: 'Min',
  Mul: 'Mul',
  Neg: 'Neg',
  Pow: 'Pow',
  PlaceholderWithDefault: 'Identity',
  Prelu: 'PRelu',
  RealDiv: 'Div',
  Reciprocal: 'Reciprocal',
  Relu: 'Relu',
  Round: 'Round',
  Selu: 'Selu',
  Select: 'Where',
  SelectV2: 'Where',
  Sigmoid: 'Sigmoid',
  Sign: 'Sign',
  Sin: 'Sin',
  Snapshot: 'Identity',
  Softplus: 'Softplus',
  Softsign: 'Softsign',
  Sqrt: 'Sqrt',
  StopGradient: 'Identity',
  Sub: 'Sub',
  Tan: 'Tan',
  Tanh: 'Tanh',
}

const reductions: Readonly<Record<string, string>> = {
  Max: 'ReduceMax',
  Mean: 'ReduceMean',
  Min: 'ReduceMin',
  Prod: 'ReduceProd',
  Sum: 'ReduceSum',
}

const writers = new Map<string, Write>([
  ...Object.entries(same).map(([op, onnx]): [string, Write] => [
    op,
    (w) => void w.add(onnx, w.node.reads, {}, w.output()),
  ]),
  ...Object.entries(reductions).map(([op, onnx]): [string, Write] => [op, (w) => writeReduction(w, onnx)]),
  ['Relu6', (w) => void w.add('Clip', [w.input(0), w.scalar(0), w.scalar(6)], {}, w.output())],
  [
    'LeakyRelu',
    (w) => void w.add('LeakyRelu', [w.input(0)], { alpha: { float: w.number('alpha', 0.2) } }, w.output()),
  ],
  ['Softmax', (w) => void w.add('Softmax', [w.input(0)], { axis: { int: -1 } }, w.output())],
  ['LogSoftmax', (w) => void w.add('LogSoftmax', [w.input(0)], { axis: { int: -1 } }, w.output())],
  ['Rsqrt', (w) => void w.add('Reciprocal', [w.add('Sqrt', [w.input(0)])], {}, w.output())],
  ['Square', (w) => void w.add('Mul', [w.input(0), w.input(0)], {}, w.output())],
  ['NotEqual', (w) => void w.add('Not', [w.add('Equal', w.node.reads)], {}, w.output())],
  ['FloorDiv', (w) => void w.add('Floor', [w.add('Div', w.node.reads)], {}, w.output())],
  [
    'SquaredDifference',
    (w) => {
      const difference = w.add('Sub', w.node.reads)
      w.add('Mul', [difference, difference], {}, w.output())
    },
  ],
  ['Conv2D', writeConv],
  ['_FusedConv2D', writeConv],
  ['DepthwiseConv2dNative', writeDepthwiseConv],
  ['FusedDepthwiseConv2dNative', writeDepthwiseConv],
  ['_FusedDepthwiseConv2dNative', writeDepthwiseConv],
  ['Conv2DBackpropInput', writeConvTranspose],
  ['MaxPool', (w) => writePool(w, 'MaxPool')],
  ['AvgPool', (w) => writePool(w, 'AveragePool')],
  ['ResizeBilinear', (w) => writeResize(w, 'linear')],
  ['ResizeNearestNeighbor', (w) => writeResize(w, 'nearest')],
  ['FusedBatchNorm', writeBatchNorm],
  ['FusedBatchNormV2', writeBatchNorm],
  ['FusedBatchNormV3', writeBatchNorm],
  ['MatMul', writeMatMul],
  ['_FusedMatMul', writeMatMul],
  ['BatchMatMul', writeMatMul],
  ['BatchMatMulV2', writeMatMul],
  [
    'Einsum',
    (w) => void w.add('Einsum', w.node.reads, { equation: { text: w.text('equation') } }, w.output()),
  ],
  ['Cast', (w) => void w.cast(w.input(0), typeOf(w.node.attr['DstT']?.type) ?? Type.FLOAT, w.output())],
  ['Shape', (w) => void w.cast(w.add('Shape', [w.input(0)]), Type.INT32, w.output())],
  ['Reshape', (w) => void w.add('Reshape', [w.input(0), w.long(1)], {}, w.output())],
  ['ExpandDims', (w) => void w.add('Unsqueeze', [w.input(0), w.ints(w.numbers(1))], {}, w.output())],
  ['Squeeze', writeSqueeze],
  ['Transpose', (w) => void w.transpose(w.input(0), w.numbers(1), w.output())],
  ['Pad', (w) => writePad(w, 'constant')],
  ['PadV2', (w) => writePad(w, 'constant')],
  ['MirrorPad', (w) => writePad(w, w.text('mode') === 'REFLECT' ? 'reflect' : 'symmetric')],
  [
    'ConcatV2',
    (w) =>
      void w.add(
        'Concat',
        w.node.reads.slice(0, -1),
        axis(w.numbers(w.node.reads.length - 1)[0]!),
        w.output(),
      ),
  ],
  ['Pack', writePack],
  ['Unpack', writeUnpack],
  ['Split', (w) => writeSplit(w, 1, 0, w.number('num_split', 1))],
  ['SplitV', (w) => writeSplit(w, 0, 2, w.numbers(1).length, w.ints(w.numbers(1)))],
  ['Tile', (w) => void w.add('Tile', [w.input(0), w.long(1)], {}, w.output())],
  ['Fill', (w) => void w.add('Expand', [w.input(1), w.long(0)], {}, w.output())],
  ['Range', (w) => void w.add('Range', w.node.reads, {}, w.output())],
  ['Gather', (w) => void w.add('Gather', [w.input(0), w.input(1)], axis(0), w.output())],
  ['GatherV2', (w) => void w.add('Gather', [w.input(0), w.input(1)], axis(w.numbers(2)[0]!), w.output())],
  ['GatherNd', (w) => void w.add('GatherND', [w.input(0), w.long(1)], {}, w.output())],
  ['Slice', writeSlice],
  ['StridedSlice', writeStridedSlice],
  ['ArgMax', (w) => writeArg(w, 'ArgMax')],
  ['ArgMin', (w) => writeArg(w, 'ArgMin')],
])

/** @throws {TypeError} naming layer, type and file for an operator that is not known. */
export function writeNode(writer: NodeWriter): void {
  const write = writers.get(writer.node.op)
  if (write === undefined)
    throw writer.fault(`must be of a known type, which are ${[...writers.keys()].toSorted().join(', ')}`)
  write(writer)
}

function axis(value: number): Record<string, Attribute> {
  return { axis: { int: value } }
}

function writeReduction(w: NodeWriter, onnx: string): void {
  const keepdims = { int: w.flag('keep_dims') ? 1 : 0 }
  const axes = w.numbers(1)
  if (onnx === 'ReduceSum')
    w.add(onnx, [w.input(0), w.ints(axes)], { keepdims, noop_with_empty_axes: { int: 1 } }, w.output())
  else if (axes.length === 0) w.add('Identity', [w.input(0)], {}, w.output())
  else w.add(onnx, [w.input(0)], { keepdims, axes: { ints: axes } }, w.output())
}

function writeBatchNorm(w: NodeWriter): void {
  if (w.flag('is_training')) throw w.fault('must not be training')
  const variance = w.add('Add', [w.input(4), w.scalar(w.number('epsilon', 1e-4))])
  const factor = w.add('Div', [w.input(1), w.add('Sqrt', [variance])])
  const centred = w.add('Sub', [w.input(0), w.input(3)])
  w.add('Add', [w.add('Mul', [centred, factor]), w.input(2)], {}, w.output())
}

function writeMatMul(w: NodeWriter): void {
  const side = (index: number, ...flags: string[]): string =>
    flags.some((flag) => w.flag(flag))
      ? w.add('Einsum', [w.input(index)], { equation: { text: '...ij->...ji' } })
      : w.input(index)
  const operands = [side(0, 'transpose_a', 'adj_x'), side(1, 'transpose_b', 'adj_y')]
  const fused = w.texts('fused_ops')
  if (fused.length === 0) w.add('MatMul', operands, {}, w.output())
  else writeFused(w, w.add('MatMul', operands), fused)
}

function writeSqueeze(w: NodeWriter): void {
  const axes = [...w.list('squeeze_dims'), ...w.list('axis')]
  w.add('Squeeze', axes.length === 0 ? [w.input(0)] : [w.input(0), w.ints(axes)], {}, w.output())
}

function writePad(w: NodeWriter, mode: string): void {
  const margins = w.numbers(1)
  if (mode === 'symmetric' && margins.some((margin) => margin > 1))
    throw w.fault('must not pad symmetrically by more than 1')
  const pads = w.ints([...margins.filter((_, i) => i % 2 === 0), ...margins.filter((_, i) => i % 2 === 1)])
  const value = w.node.reads[2]
  const edge = mode === 'symmetric' ? 'edge' : mode
  w.add(
    'Pad',
    value === undefined ? [w.input(0), pads] : [w.input(0), pads, value],
    { mode: { text: edge } },
    w.output(),
  )
}

function writePack(w: NodeWriter): void {
  const place = w.number('axis', 0)
  const axes = w.ints([place])
  const parts = w.node.reads.map((value) => w.add('Unsqueeze', [value, axes]))
  w.add('Concat', parts, axis(place), w.output())
}

function writeUnpack(w: NodeWriter): void {
  const place = w.number('axis', 0)
  const count = w.number('num', 1)
  const axes = w.ints([place])
  for (const [i, part] of w.addSeveral('Split', [w.input(0)], count, axis(place)).entries())
    w.add('Squeeze', [part, axes], {}, w.output(i))
}

function writeSplit(w: NodeWriter, value: number, place: number, count: number, sizes?: string): void {
  const inputs = sizes === undefined ? [w.input(value)] : [w.input(value), sizes]
  const parts = w.addSeveral('Split', inputs, count, axis(w.numbers(place)[0]!))
  for (const [i, part] of parts.entries()) w.add('Identity', [part], {}, w.output(i))
}

const toTheEnd = 2 ** 31 - 1

function writeSlice(w: NodeWriter): void {
  const begin = w.numbers(1)
  const size = w.numbers(2)
  const ends = begin.map((start, i) => (size[i] === -1 ? toTheEnd : start + size[i]!))
  const axes = begin.map((_, i) => i)
  w.add('Slice', [w.input(0), w.ints(begin), w.ints(ends), w.ints(axes)], {}, w.output())
}

function writeStridedSlice(w: NodeWriter): void {
  if (w.number('ellipsis_mask', 0) !== 0) throw w.fault('must not have an ellipsis')
  const [begin, end, strides] = [w.numbers(1), w.numbers(2), w.numbers(3)]
  const has = (mask: string, i: number): boolean => ((w.number(mask, 0) >> i) & 1) === 1
  const added = begin.flatMap((_, i) => (has('new_axis_mask', i) ? [i] : []))
  const kept = begin.flatMap((_, i) => (has('new_axis_mask', i) ? [] : [i]))
  const shrunk = kept.map((i) => has('shrink_axis_mask', i) && !has('new_axis_mask', i))
  const starts = kept.map((i, k) =>
    has('begin_mask', i) && !shrunk[k] ? (strides[i]! > 0 ? 0 : toTheEnd) : begin[i]!,
  )
  const ends = kept.map((i, k) => {
    if (shrunk[k] === true) return begin[i] === -1 ? toTheEnd : begin[i]! + 1
    return has('end_mask', i) ? (strides[i]! > 0 ? toTheEnd : -toTheEnd) : end[i]!
  })
  const steps = kept.map((i, k) => (shrunk[k] === true ? 1 : strides[i]!))
  const places = kept.map((_, k) => k)
  let value = w.input(0)
  if (kept.length > 0)
    value = w.add('Slice', [value, w.ints(starts), w.ints(ends), w.ints(places), w.ints(steps)])
  const gone = places.filter((k) => shrunk[k])
  if (gone.length > 0) value = w.add('Squeeze', [value, w.ints(gone)])
  // Positions among what is left: removed axes before a new one no longer count.
  const news = added.map((i) => i - kept.filter((each, k) => each < i && shrunk[k]).length)
  if (news.length > 0) value = w.add('Unsqueeze', [value, w.ints(news)])
  w.add('Identity', [value], {}, w.output())
}

function writeArg(w: NodeWriter, onnx: string): void {
  const found = w.add(onnx, [w.input(0)], { ...axis(w.knownNumbers(1)?.[0] ?? 0), keepdims: { int: 0 } })
  w.cast(found, typeOf(w.node.attr['output_type']?.type) ?? Type.INT32, w.output())
}
