import type { OutputSpec, PictureInput } from '../model-graph/manifest.ts'
import type { TensorValue } from '../tensor/tensor-value.ts'
import { toSentPicture } from './sent-picture.ts'

/** One class of an answer. */
export interface ClassScore {
  readonly label: string
  readonly index: number
  readonly probability: number
}

/** One thing that a detector found. */
export interface FoundBox {
  readonly label: string
  readonly score: number
  /** Corners x1, y1, x2, y2 in whole pixels of the picture as it was sent, upright. */
  readonly box: readonly [number, number, number, number]
}

/** Pixels. */
export interface PictureSize {
  readonly width: number
  readonly height: number
}

/** Rows of classes as an answer names them. @param labels by index; a class without one is named by its index. */
export function presentClasses({ data }: TensorValue, labels: readonly string[]): ClassScore[] {
  return rowsOf(data, 2).map(([index, probability]) => ({
    label: labels[index!] ?? String(index),
    index: index!,
    probability: probability!,
  }))
}

/** Rows of boxes as an answer names them. */
export function presentBoxes(
  { data }: TensorValue,
  labels: readonly string[],
  input: PictureInput,
  sent: PictureSize,
): FoundBox[] {
  return rowsOf(data, 6).map(([x1, y1, x2, y2, score, label]) => ({
    label: labels[label!] ?? String(label),
    score: Number(score!.toFixed(3)),
    box: toSentPicture([x1!, y1!, x2!, y2!], input, sent).map(Math.round) as [number, number, number, number],
  }))
}

/** Rows of characters as text, with the worst of their scores. */
export function presentText(
  { data }: TensorValue,
  { alphabet, blank }: Extract<OutputSpec, { kind: 'text' }>,
): string {
  const characters = Array.from(alphabet)
  // The alphabet leaves the blank out.
  return rowsOf(data, 2)
    .map(([index]) => characters[index! > blank ? index! - 1 : index!] ?? '')
    .join('')
}

/** An output as an answer holds it. */
export interface NamedValues {
  readonly name: string
  readonly shape: readonly number[]
  readonly values: readonly number[]
}

export function presentValues(outputs: readonly TensorValue[], names: readonly string[]): NamedValues[] {
  return outputs.map(({ shape, data }, i) => ({
    name: names[i]!,
    shape: shape.slice(1),
    values: Array.from(data, (value) => Number(value.toPrecision(6))),
  }))
}

function rowsOf(data: Float32Array, width: number): Float32Array[] {
  return Array.from({ length: data.length / width }, (_, i) => data.subarray(i * width, (i + 1) * width))
}
