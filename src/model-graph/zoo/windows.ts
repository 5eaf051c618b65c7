/** Windows sliding over maps of rows x columns x channels: what convolutions and poolings share. */
import type { SymbolicTensor } from './topology-builder.ts'

export type Padding = 'same' | 'valid'
export type Pair = readonly [number, number]
/** One number stands for both spatial axes. */
export type Size = number | Pair

export interface WindowOptions {
  readonly strides?: Size
  readonly padding?: Padding
  readonly name?: string
}

export const layout = { data_format: 'channels_last' }

export function pair(size: Size): Pair {
  return typeof size === 'number' ? [size, size] : size
}

/** Rows, columns and channels of a map. */
export function mapShape(x: SymbolicTensor): readonly [number, number, number] {
  const [rows, columns, channels] = x.shape
  if (rows === undefined || columns === undefined || channels === undefined) {
    throw new RangeError(
      `Cannot read map ${x.name}: shape must have 3 axes, current value is [${x.shape.join(', ')}]`,
    )
  }
  return [rows, columns, channels]
}

/** Rows and columns that a window of that size gives. */
export function slide(x: SymbolicTensor, window: Pair, strides: Pair, padding: Padding): Pair {
  const [rows, columns] = mapShape(x)
  const along = (size: number, axis: 0 | 1) =>
    padding === 'same'
      ? Math.ceil(size / strides[axis])
      : Math.floor((size - window[axis]) / strides[axis]) + 1
  return [along(rows, 0), along(columns, 1)]
}
