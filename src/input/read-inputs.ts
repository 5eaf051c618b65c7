import type { InputBinding } from '../model-graph/bind-inputs.ts'
import { toBorderOrder } from '../model-graph/border-order.ts'
import type { Manifest } from '../model-graph/manifest.ts'
import type { TensorValue } from '../tensor/tensor-value.ts'
import { InputError } from './input-error.ts'
import { readNumbers, readObject, readValues, type ValuesMessage } from './read-values.ts'

export type ValuesBinding = Extract<InputBinding, { readonly kind: 'values' }>

/**
 * What a message holds for the inputs that take numbers: of one as {@link readValues} takes it, of several an object of
 * JSON by their names. In the order in which tensors travel.
 * @throws {InputError} that says what was received and what was wanted.
 */
export function readInputs(
  message: ValuesMessage,
  bindings: readonly ValuesBinding[],
  jsonPath?: string,
): TensorValue[] {
  const [only] = bindings
  if (bindings.length === 1) return [toBorderOrder(readValues(message, only!.spec, jsonPath), only!.tensor)]
  const object = readObject(message, jsonPath)
  return bindings.map(({ tensor, spec }) => {
    if (!Object.hasOwn(object, tensor.name)) throw missing(bindings, tensor.name, object)
    return toBorderOrder(readNumbers(object[tensor.name], spec, tensor.name), tensor)
  })
}

function missing(bindings: readonly ValuesBinding[], name: string, object: object): InputError {
  const wanted = bindings.map(({ tensor, spec }) => `${tensor.name} [${spec.shape.join(', ')}]`).join(', ')
  const fields = Object.keys(object).slice(0, 8).join(', ')
  return new InputError(
    'bad-input',
    `Cannot read numbers: the message must be a JSON object with ${wanted}; ${name} is missing, its fields are ${fields === '' ? 'none' : fields}`,
  )
}

/**
 * The samples of a message, each as a message of its own: JSON lists one level deeper than a sample's shape are several
 * samples of a model with one input of numbers; any other message is one.
 */
export function samplesOf(
  { payload, contentType }: ValuesMessage,
  { input }: Pick<Manifest, 'input'>,
): readonly Uint8Array[] {
  const isRaw = contentType === 'application/octet-stream'
  if (input.kind !== 'values' || isRaw || nesting(payload) !== input.shape.length + 1) return [payload]
  try {
    const samples = JSON.parse(Buffer.from(payload).toString('utf8')) as unknown[]
    return samples.map((sample) => Buffer.from(JSON.stringify(sample)))
  } catch {
    // Whoever reads it says what is wrong with it.
    return [payload]
  }
}

const openBracket = 0x5b
const whitespace = new Set([0x20, 0x09, 0x0a, 0x0d])

/** How many lists a message of JSON opens at its beginning. */
function nesting(payload: Uint8Array): number {
  let lists = 0
  for (const byte of payload) {
    if (byte === openBracket) lists++
    else if (!whitespace.has(byte)) return lists
  }
  return lists
}
