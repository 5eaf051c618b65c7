/**
 * Sorts the values of an ONNX graph by what they depend on, as only some of its nodes are layers:
 *
 * - `data`: the model's inputs. Their nodes are layers.
 * - `static`: constants alone. Their nodes prepare weights (dequantise, transpose) and belong to the layers that read
 *   them.
 * - `folded`: sizes of data besides. As all sizes are known, these are constants that one run tells.
 * - `variable`: data whose *size* depends on values, such as the boxes that non-maximum suppression leaves. Nothing
 *   can be planned with them, so the layers that they join are one.
 */
import type { OnnxFile, OnnxNode } from './onnx-file.ts'
import { nodeError } from './sort-nodes.ts'
import { kindOfNode, readsSizeFromData, type ValueKind } from './value-sizes.ts'

export interface SortedValues {
  readonly kinds: ReadonlyMap<string, ValueKind>
  /** Nodes that lead to an output, in order, by the kind of what they give. */
  readonly data: readonly OnnxNode[]
  readonly variable: readonly OnnxNode[]
  /** Static and folded nodes that those read from, directly or not, in order; those of constant outputs too. */
  readonly preparing: readonly OnnxNode[]
  /** Names of outputs that depend on an input, and of those that do not: both in the file's order. */
  readonly outputs: readonly string[]
  readonly constantOutputs: readonly string[]
  /** Of `data`: nodes that may give another size for other values. */
  readonly doubtful: readonly OnnxNode[]
}

const random: ReadonlySet<string> = new Set([
  'RandomNormal',
  'RandomUniform',
  'RandomNormalLike',
  'RandomUniformLike',
  'Bernoulli',
  'Multinomial',
])

/**
 * @param order The file's nodes in topological order.
 * @param variable Nodes that are known to give another size for other values.
 * @throws {TypeError} where no output depends on an input, or a value is random.
 */
export function sortValues(
  file: OnnxFile,
  order: readonly OnnxNode[],
  variable: ReadonlySet<OnnxNode> = new Set(),
): SortedValues {
  const kinds = new Map<string, ValueKind>()
  for (const name of file.constants.keys()) kinds.set(name, 'constant')
  for (const { name } of file.inputs) kinds.set(name, 'data')
  for (const node of order) {
    const kind = variable.has(node) ? 'variable' : kindOfNode(node, kinds, file.functions)
    for (const value of node.writes) kinds.set(value, kind)
  }

  const ends = [...new Set(file.outputs.map(({ name }) => name))]
  const missing = ends.find((name) => !kinds.has(name))
  if (missing !== undefined)
    throw new TypeError(
      `Cannot load ${file.path}: output '${missing}' must be given by a layer, nothing gives it`,
    )
  const isData = (name: string): boolean => kinds.get(name) === 'data' || kinds.get(name) === 'variable'
  const outputs = ends.filter(isData)
  if (outputs.length === 0)
    throw new TypeError(
      `Cannot load ${file.path}: output '${ends.join("', '")}' must depend on an input, it is constant`,
    )
  const wanted = new Set(ends)
  const useful: OnnxNode[] = []
  for (const node of order.toReversed()) {
    if (!node.writes.some((value) => wanted.has(value))) continue
    if (random.has(node.proto.opType)) throw nodeError(file, node, 'must give the same values in every run')
    useful.unshift(node)
    for (const value of node.reads) wanted.add(value)
  }
  const ofKind = (...which: ValueKind[]): OnnxNode[] =>
    useful.filter(({ writes }) => which.includes(kinds.get(writes[0]!)!))
  const data = ofKind('data')
  return {
    kinds,
    data,
    variable: ofKind('variable'),
    preparing: ofKind('static', 'folded'),
    outputs,
    constantOutputs: ends.filter((name) => !isData(name)),
    doubtful: data.filter(({ proto }) => readsSizeFromData(proto, kinds, file.functions)),
  }
}
