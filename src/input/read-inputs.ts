import type { InputBinding } from '../model-graph/bind-inputs.ts'
import { toBorderOrder } from '../model-graph/border-order.ts'
import type { ValuesSpec } from '../model-graph/manifest.ts'
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

/** One message of JSON that holds several samples of one input, each as a message of its own; undefined for any other. */
export function splitWindows(
  { payload, contentType }: ValuesMessage,
  { shape }: ValuesSpec,
): Uint8Array[] | undefined {
  if (payload[0] !== openBracket || contentType === 'application/octet-stream') return undefined
  let json: unknown
  try {
    json = JSON.parse(Buffer.from(payload).toString('utf8'))
  } catch {
    // Whoever reads it says what is wrong with it.
    return undefined
  }
  if (depth(json) !== shape.length + 1) return undefined
  return (json as unknown[]).map((window) => Buffer.from(JSON.stringify(window)))
}

const openBracket = 0x5b

/** How deep lists lie in lists, by the first of each. */
function depth(value: unknown): number {
  return Array.isArray(value) ? 1 + depth(value[0]) : 0
}
