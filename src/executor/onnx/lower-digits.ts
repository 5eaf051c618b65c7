/**
 * Values of 32 and 64 bits as several float32 values, so that they cross exactly. A whole number becomes digits in base
 * 2^24, lowest first, each with the number's sign: x = d0 + 2^24 (d1 + 2^24 d2). A double becomes a sum of three floats,
 * largest first, as each takes what the ones before left (Dekker, Numerische Mathematik 1971); beyond the range of
 * float32 it becomes infinite, and below 2^-149 zero.
 */
import { TensorProto_DataType as Type } from 'onnx-buf'
import type { StoredTensor } from '../../model-graph/layer-graph.ts'
import { addIntegers, addNode, type Lowering } from './lowering.ts'

const base = 2 ** 24

/** @returns Name of a float32 value of all digits side by side, of one axis. */
export function splitDigits(lowering: Lowering, name: string, { elementType, digits }: StoredTensor): string {
  const flat = addIntegers(lowering, `${name}:flat`, [-1])
  const row = addNode(lowering, 'Reshape', [name, flat], `${name}:row`)
  const parts = elementType === Type.DOUBLE ? splitDouble(lowering, row) : splitWhole(lowering, row, digits)
  return addNode(lowering, 'Concat', parts, `${name}:digits`, { axis: { int: 0 } })
}

/**
 * @param value Name of a float32 value, batch axis first, then digits.
 * @returns Name of an int64 or double value of all elements, of one axis.
 */
export function joinDigits(
  lowering: Lowering,
  name: string,
  value: string,
  { elementType, digits }: StoredTensor,
): string {
  const wide = { to: { int: elementType === Type.DOUBLE ? Type.DOUBLE : Type.INT64 } }
  const table = addIntegers(lowering, `${name}:table`, [digits, -1])
  const rows = addNode(lowering, 'Reshape', [value, table], `${name}:rows`)
  const exact = addNode(lowering, 'Cast', [rows], `${name}:wide`, wide)
  const digit = (i: number): string => {
    const place = addIntegers(lowering, `${name}:place-${i}`, [i])
    return addNode(lowering, 'Gather', [exact, place], `${name}:digit-${i}`)
  }
  let joined = digit(digits - 1)
  for (let i = digits - 2; i >= 0; i -= 1) {
    // Of a double the smallest parts come last, and their sum is exact in this order.
    const grown =
      elementType === Type.DOUBLE
        ? joined
        : addNode(
            lowering,
            'Mul',
            [joined, addIntegers(lowering, `${name}:base-${i}`, [base])],
            `${name}:up-${i}`,
          )
    joined = addNode(lowering, 'Add', [grown, digit(i)], `${name}:sum-${i}`)
  }
  return joined
}

function splitWhole(lowering: Lowering, row: string, digits: number): string[] {
  let rest = addNode(lowering, 'Cast', [row], `${row}:whole`, { to: { int: Type.INT64 } })
  const factor = addIntegers(lowering, `${row}:base`, [base])
  return Array.from({ length: digits }, (_, i) => {
    let digit = rest
    if (i < digits - 1) {
      // Division of whole numbers drops the fraction, so that what remains has the sign of the number.
      const upper = addNode(lowering, 'Div', [rest, factor], `${row}:upper-${i}`)
      const shifted = addNode(lowering, 'Mul', [upper, factor], `${row}:shifted-${i}`)
      digit = addNode(lowering, 'Sub', [rest, shifted], `${row}:lower-${i}`)
      rest = upper
    }
    return addNode(lowering, 'Cast', [digit], `${row}:digit-${i}`, { to: { int: Type.FLOAT } })
  })
}

function splitDouble(lowering: Lowering, row: string): string[] {
  let rest = row
  return [0, 1, 2].map((i) => {
    const part = addNode(lowering, 'Cast', [rest], `${row}:part-${i}`, { to: { int: Type.FLOAT } })
    if (i < 2) {
      const taken = addNode(lowering, 'Cast', [part], `${row}:taken-${i}`, { to: { int: Type.DOUBLE } })
      rest = addNode(lowering, 'Sub', [rest, taken], `${row}:rest-${i}`)
    }
    return part
  })
}
