/** Operators over maps: ONNX has channels first, so each transposes what it reads and gives; the engine undoes pairs. */
import type { Attribute } from '../../onnx/onnx-message.ts'
import type { NodeWriter } from './node-writer.ts'
import { writeFused } from './write-fused.ts'

const toFirst = [0, 3, 1, 2]
const toLast = [0, 2, 3, 1]

/** Rows and columns of a list that has an entry for each axis. */
function spatial(w: NodeWriter, name: string): [number, number] {
  const [, rows = 1, columns = 1] = w.list(name)
  return [rows, columns]
}

function requireChannelsLast(w: NodeWriter): void {
  if (w.text('data_format', 'NHWC') !== 'NHWC') throw w.fault('data_format must be NHWC')
}

function padding(w: NodeWriter): Record<string, Attribute> {
  const kind = w.text('padding')
  if (kind === 'SAME') return { auto_pad: { text: 'SAME_UPPER' } }
  if (kind !== 'EXPLICIT') return {}
  const [, , top = 0, bottom = 0, left = 0, right = 0] = w.list('explicit_paddings')
  return { pads: { ints: [top, left, bottom, right] } }
}

function window(w: NodeWriter): Record<string, Attribute> {
  requireChannelsLast(w)
  return { strides: { ints: spatial(w, 'strides') }, ...padding(w) }
}

function dilated(w: NodeWriter): Record<string, Attribute> {
  return { ...window(w), dilations: { ints: spatial(w, 'dilations') } }
}

function finish(w: NodeWriter, value: string): void {
  const fused = w.texts('fused_ops')
  if (fused.length === 0) w.transpose(value, toLast, w.output())
  else writeFused(w, w.transpose(value, toLast), fused)
}

export function writeConv(w: NodeWriter): void {
  const kernel = w.transpose(w.input(1), [3, 2, 0, 1])
  finish(w, w.add('Conv', [w.transpose(w.input(0), toFirst), kernel], dilated(w)))
}

export function writeDepthwiseConv(w: NodeWriter): void {
  const [rows, columns, channels] = w.shape(1)
  // [rows, columns, channels, multiplier] becomes [channels x multiplier, 1, rows, columns].
  const ordered = w.transpose(w.input(1), [2, 3, 0, 1])
  const kernel = w.add('Reshape', [ordered, w.ints([-1, 1, rows!, columns!])])
  const attributes = { ...dilated(w), group: { int: channels! } }
  finish(w, w.add('Conv', [w.transpose(w.input(0), toFirst), kernel], attributes))
}

export function writeConvTranspose(w: NodeWriter): void {
  const kernel = w.transpose(w.input(1), [3, 2, 0, 1])
  finish(w, w.add('ConvTranspose', [w.transpose(w.input(2), toFirst), kernel], window(w)))
}

export function writePool(w: NodeWriter, onnx: string): void {
  const attributes = { ...window(w), kernel_shape: { ints: spatial(w, 'ksize') } }
  const pooled = w.add(onnx, [w.transpose(w.input(0), toFirst)], attributes)
  w.transpose(pooled, toLast, w.output())
}

export function writeResize(w: NodeWriter, mode: 'linear' | 'nearest'): void {
  const first = w.transpose(w.input(0), toFirst)
  const outer = w.add('Slice', [w.add('Shape', [first]), w.ints([0]), w.ints([2])])
  const sizes = w.add('Concat', [outer, w.long(1)], { axis: { int: 0 } })
  const isHalf = w.flag('half_pixel_centers')
  const isAligned = w.flag('align_corners')
  const places = isAligned ? 'align_corners' : isHalf ? 'half_pixel' : 'asymmetric'
  const resized = w.add('Resize', [first, '', '', sizes], {
    mode: { text: mode },
    coordinate_transformation_mode: { text: places },
    // Half up: of half pixels that is TensorFlow's floor of the middle.
    nearest_mode: { text: isAligned || isHalf ? 'round_prefer_ceil' : 'floor' },
  })
  w.transpose(resized, toLast, w.output())
}
