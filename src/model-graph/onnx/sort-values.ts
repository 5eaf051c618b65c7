/**
 * Sorts the values of an ONNX graph by what they depend on, as only some of its nodes are layers:
 *
 * - `data`: the model's inputs. Their nodes are layers.
 * - `static`: constants alone. Their nodes prepare weights (dequantise, transpose) and belong to the layers that read
 *   them.
 * - `folded`: sizes of data besides. As all sizes are known, these are constants that one run tells.
 * - `variable`: data whose *size* depends on values, such as the boxes that non-maximum suppression leaves. What comes
 *   after the first such node is one layer, as a tensor without a fixed shape cannot be planned with.
 */
import type { NodeProto } from 'onnx-buf'
import type { OnnxFile, OnnxNode } from './onnx-file.ts'
import { nodeError } from './sort-nodes.ts'

type ValueKind = 'constant' | 'static' | 'folded' | 'data' | 'variable'

export interface SortedValues {
  readonly kinds: ReadonlyMap<string, ValueKind>
  /** Nodes that lead to an output, in order, by the kind of what they give. */
  readonly data: readonly OnnxNode[]
  readonly variable: readonly OnnxNode[]
  /** Static and folded nodes that those read from, directly or not, in order. */
  readonly preparing: readonly OnnxNode[]
}

const variableSize: ReadonlySet<string> = new Set([
  'NonMaxSuppression',
  'NonZero',
  'Unique',
  'Compress',
  'EfficientNMS_TRT',
])
const sizes: ReadonlySet<string> = new Set(['Shape', 'Size'])
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
 * @throws {TypeError} where an output does not depend on an input, or a value is random.
 */
export function sortValues(file: OnnxFile, order: readonly OnnxNode[]): SortedValues {
  const kinds = new Map<string, ValueKind>()
  for (const name of file.constants.keys()) kinds.set(name, 'constant')
  for (const { name } of file.inputs) kinds.set(name, 'data')
  for (const node of order) {
    const kind = kindOf(node, kinds)
    for (const value of node.writes) kinds.set(value, kind)
  }

  const wanted = new Set(file.outputs.map(({ name }) => name))
  for (const name of wanted) {
    const kind = kinds.get(name)
    if (kind === 'data' || kind === 'variable') continue
    throw new TypeError(
      `Cannot load ${file.path}: output '${name}' must depend on an input, ${kind === undefined ? 'nothing gives it' : 'it is constant'}`,
    )
  }
  const useful: OnnxNode[] = []
  for (const node of order.toReversed()) {
    if (!node.writes.some((value) => wanted.has(value))) continue
    if (random.has(node.proto.opType)) throw nodeError(file, node, 'must give the same values in every run')
    useful.unshift(node)
    for (const value of node.reads) wanted.add(value)
  }
  const ofKind = (...which: ValueKind[]): OnnxNode[] =>
    useful.filter(({ writes }) => which.includes(kinds.get(writes[0]!)!))
  return { kinds, data: ofKind('data'), variable: ofKind('variable'), preparing: ofKind('static', 'folded') }
}

function kindOf(node: OnnxNode, kinds: ReadonlyMap<string, ValueKind>): ValueKind {
  const read = new Set(node.reads.map((value) => kinds.get(value)!))
  if (read.has('variable') || hasVariableSize(node.proto)) return 'variable'
  if (read.has('data')) return sizes.has(node.proto.opType) ? 'folded' : 'data'
  return read.has('folded') ? 'folded' : 'static'
}

/** Also where a subgraph does it: loops over classes end in non-maximum suppression. */
function hasVariableSize({ opType, attribute }: NodeProto): boolean {
  const graphs = attribute.flatMap(({ g, graphs }) => (g === undefined ? graphs : [g, ...graphs]))
  return variableSize.has(opType) || graphs.some(({ node }) => node.some(hasVariableSize))
}
