import type { TensorProto_DataType, ValueInfoProto } from 'onnx-buf'
import { elementTypeName, elementTypeOfCode, runtimeNameOf } from './element-types.ts'
import type { OnnxFile } from './onnx-file.ts'
import type { ProbeInput } from './probe-message.ts'

/** Pixels, from the manifest. */
interface InputSize {
  readonly width: number
  readonly height: number
}

/** All axes by input name. */
export type InputShapes = Readonly<Record<string, readonly number[]>>

/** What an input always holds, by name: one number for all its values, or all of them. */
export type InputValues = Readonly<Record<string, number | readonly number[]>>

export interface InputHints {
  readonly size: InputSize | undefined
  readonly shapes: InputShapes
  /** Inputs that are constants of the model. */
  readonly values?: InputValues
}

/** @throws {TypeError} where what is told by name names no input of the file. */
export function requireInputNames(
  { path, inputs }: OnnxFile,
  what: string,
  told: Readonly<Record<string, unknown>>,
): void {
  const stray = Object.keys(told).find((name) => !inputs.some((input) => input.name === name))
  if (stray === undefined) return
  const names = inputs.map(({ name }) => name).join(', ')
  throw new TypeError(
    `Cannot load ${path}: ${what} must be of its inputs ${names}, current name is '${stray}'`,
  )
}

/**
 * Shapes of the file's inputs for one request: those given by name; else an open first axis is the batch and becomes
 * 1, open rows and columns of a picture are the manifest's.
 * @throws {TypeError} where an axis stays open, or a given shape does not fit.
 */
export function onnxInputs({ path, inputs }: OnnxFile, { size, shapes }: InputHints): ProbeInput[] {
  return inputs.map((input): ProbeInput => {
    const { elementType, axes } = tensorType(input, path)
    const given = Object.hasOwn(shapes, input.name) ? shapes[input.name] : undefined
    if (given !== undefined) {
      const fits =
        given.length === axes.length && given.every((axis, i) => axis >= 0 && axis === (axes[i] ?? axis))
      if (fits) return { name: input.name, elementType, dims: given }
      const wanted = axes.map((axis) => axis ?? '?').join(', ')
      throw new TypeError(
        `Cannot load ${path}: shape of input '${input.name}' must be [${wanted}], current value is [${given.join(', ')}]`,
      )
    }
    const dims = axes.map((axis, position) => {
      const known = axis ?? (position === 0 ? 1 : pictureAxis(axes, position, size))
      if (known !== undefined) return known
      const shown = axes.map((each) => each ?? '?').join(', ')
      throw new TypeError(
        `Cannot load ${path}: every axis of input '${input.name}' must be known, current shape is [${shown}]; give its shape (--input-shape ${input.name}=${axes.map((axis, i) => axis ?? (i === 0 ? 1 : 224)).join('x')}), or for open rows and columns of a picture width and height in surgeon.json`,
      )
    })
    return { name: input.name, elementType, dims }
  })
}

/** How many axes an input has, open ones too; undefined for what is no tensor. */
export function openRank({ type }: ValueInfoProto): number | undefined {
  return type?.value.case === 'tensorType' ? type.value.value.shape?.dim.length : undefined
}

function tensorType(
  { name, type }: ValueInfoProto,
  path: string,
): { elementType: TensorProto_DataType; axes: (number | undefined)[] } {
  const tensor = type?.value.case === 'tensorType' ? type.value.value : undefined
  const elementType = elementTypeOfCode(tensor?.elemType ?? 0)
  if (tensor?.shape === undefined || elementType === undefined || runtimeNameOf(elementType) === undefined) {
    throw new TypeError(
      `Cannot load ${path}: input '${name}' must be a tensor of numbers with a known number of axes, current type is ${elementType === undefined ? 'another' : elementTypeName(elementType)}`,
    )
  }
  const axes = tensor.shape.dim.map(({ value }) => {
    const axis = value.case === 'dimValue' ? Number(value.value) : 0
    return axis > 0 ? axis : undefined
  })
  return { elementType, axes }
}

/** Rows and columns of [1, 3, rows, columns] or [1, rows, columns, 3]. */
function pictureAxis(
  axes: readonly (number | undefined)[],
  position: number,
  size: InputSize | undefined,
): number | undefined {
  if (axes.length !== 4 || size === undefined) return undefined
  const last = isChannels(axes[3]) && !isChannels(axes[1])
  if (position === (last ? 1 : 2)) return size.height
  if (position === (last ? 2 : 3)) return size.width
  return 3
}

function isChannels(axis: number | undefined): boolean {
  return axis === 1 || axis === 3 || axis === 4
}

/** Whether the shape (without batch axis) is a picture's with its channels last, as TensorFlow's exporters write it. */
export function isChannelsLastPicture(shape: readonly number[]): boolean {
  return shape.length === 3 && isChannels(shape[2]) && !isChannels(shape[0])
}
