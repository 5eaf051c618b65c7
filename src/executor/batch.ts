import type { TensorValue } from '../tensor/tensor-value.ts'

/**
 * Joins the values of several requests along the batch axis, one result per tensor.
 * @param requests One list of values per request; all lists name the same tensors, of the same shapes after the batch
 * axis.
 * @throws {TypeError} where they differ.
 */
export function stackValues(requests: readonly (readonly TensorValue[])[]): TensorValue[] {
  const first = requests[0]
  if (first === undefined || requests.some((values) => values.length !== first.length))
    throw new TypeError('Cannot join requests: all must have the same tensors')
  if (requests.length === 1) return [...first]
  return first.map((_, position) => stackTensor(requests.map((values) => values[position]!)))
}

function stackTensor(members: readonly TensorValue[]): TensorValue {
  const [, ...shape] = members[0]!.shape
  if (members.some((member) => member.shape.slice(1).join() !== shape.join()))
    throw new TypeError(
      `Cannot join requests: shapes must be alike, current ones are ${members.map((member) => `[${member.shape.join(', ')}]`).join(' ')}`,
    )
  const data = new Float32Array(members.reduce((total, member) => total + member.data.length, 0))
  let position = 0
  for (const member of members) {
    data.set(member.data, position)
    position += member.data.length
  }
  return { shape: [members.reduce((total, member) => total + member.shape[0]!, 0), ...shape], data }
}

/**
 * Takes joined values apart again: the opposite of {@link stackValues} for requests of `sizes` each.
 * @returns One list of values per request.
 */
export function splitValues(values: readonly TensorValue[], sizes: readonly number[]): TensorValue[][] {
  if (sizes.length === 1) return [[...values]]
  let begin = 0
  return sizes.map((size) => {
    const members = values.map(({ shape: [batch, ...shape], data }): TensorValue => {
      const each = data.length / batch!
      return { shape: [size, ...shape], data: data.slice(begin * each, (begin + size) * each) }
    })
    begin += size
    return members
  })
}
