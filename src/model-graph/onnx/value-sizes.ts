/**
 * Which nodes may give another size for other values: those that read a size, a count or a choice from data. Whether
 * they do is for the engine's own shape inference to say, which knows that the branches of an If are alike or that a
 * Loop carries tensors of one shape; where it does not say, the size is taken to depend on values.
 */
import type { GraphProto, NodeProto } from 'onnx-buf'

/** What a value depends on, see `sort-values.ts`. */
export type ValueKind = 'constant' | 'static' | 'folded' | 'data' | 'variable'

/** Operators whose size always depends on values. */
const variableSize: ReadonlySet<string> = new Set([
  'NonMaxSuppression',
  'NonZero',
  'Unique',
  'Compress',
  'EfficientNMS_TRT',
])

/** Operands that say how large the result is, or which axes it has. */
const sizeOperands: ReadonlyMap<string, readonly number[]> = new Map([
  ['AffineGrid', [1]],
  ['CenterCropPad', [1]],
  ['Col2Im', [1, 2]],
  ['ConstantOfShape', [0]],
  ['DFT', [1]],
  ['Expand', [1]],
  ['If', [0]],
  ['MaxUnpool', [2]],
  ['OneHot', [1]],
  ['Pad', [1, 3]],
  ['Range', [0, 1, 2]],
  ['Reshape', [1]],
  ['Resize', [1, 2, 3]],
  ['SequenceAt', [1]],
  ['Slice', [1, 2, 3, 4]],
  ['Split', [1]],
  ['SplitToSequence', [1]],
  ['Squeeze', [1]],
  ['Tile', [1, 2]],
  ['TopK', [1]],
  ['Unsqueeze', [1]],
  ['Upsample', [1]],
])

/** Sizes of data are constants once the sizes of the inputs are known. */
const sizes: ReadonlySet<string> = new Set(['Shape', 'Size'])

const fromData: ReadonlySet<ValueKind | undefined> = new Set<ValueKind>(['data', 'variable'])

/** @param functions Nodes of the model's own functions, by name: they are looked into like subgraphs. */
export function kindOfNode(
  { proto, reads }: { readonly proto: NodeProto; readonly reads: readonly string[] },
  kinds: ReadonlyMap<string, ValueKind>,
  functions: ReadonlyMap<string, readonly NodeProto[]>,
): ValueKind {
  const read = new Set(reads.map((value) => kinds.get(value)))
  if (read.has('variable') || hasVariableSize(proto, functions)) return 'variable'
  if (read.has('data')) return sizes.has(proto.opType) ? 'folded' : 'data'
  return read.has('folded') ? 'folded' : 'static'
}

/** Also where a subgraph or a function does it: loops over classes end in non-maximum suppression. */
function hasVariableSize(node: NodeProto, functions: ReadonlyMap<string, readonly NodeProto[]>): boolean {
  if (variableSize.has(node.opType)) return true
  const inner = [
    ...subgraphs(node).flatMap(({ node: nodes }) => nodes),
    ...(functions.get(node.opType) ?? []),
  ]
  return inner.some((each) => hasVariableSize(each, functions))
}

/** Whether the size of what a node gives may depend on values that it reads. */
export function readsSizeFromData(
  node: NodeProto,
  kinds: ReadonlyMap<string, ValueKind>,
  functions: ReadonlyMap<string, readonly NodeProto[]>,
): boolean {
  const isData = (value: string | undefined): boolean => fromData.has(kinds.get(value ?? ''))
  if ((sizeOperands.get(node.opType) ?? []).some((operand) => isData(node.input[operand]))) return true
  // Axes from data, of every reduction.
  if (node.opType.startsWith('Reduce') && isData(node.input[1])) return true
  const body = functions.get(node.opType)
  if (body !== undefined) return body.some((inner) => readsSizeFromData(inner, allData(body), functions))
  if (node.opType === 'Loop' && (isData(node.input[0]) || isData(node.input[1]))) return true
  return subgraphs(node).some((graph) => {
    const inner = kindsWithin(graph, kinds, functions)
    const goesOn = node.opType === 'Loop' ? graph.output[0]?.name : undefined
    if (goesOn !== undefined && fromData.has(inner.get(goesOn)) && !passesOn(graph, goesOn)) return true
    return graph.node.some((each) => readsSizeFromData(each, inner, functions))
  })
}

/** A loop whose condition is handed on as it came ends by its count alone. */
function passesOn(graph: GraphProto, name: string): boolean {
  const maker = graph.node.find(({ output }) => output.includes(name))
  if (maker === undefined) return graph.input[1]?.name === name
  return maker.opType === 'Identity' && passesOn(graph, maker.input[0] ?? '')
}

function kindsWithin(
  graph: GraphProto,
  outside: ReadonlyMap<string, ValueKind>,
  functions: ReadonlyMap<string, readonly NodeProto[]>,
): Map<string, ValueKind> {
  const kinds = new Map(outside)
  for (const { name } of graph.input) kinds.set(name, 'data')
  for (const { name } of graph.initializer) kinds.set(name, 'constant')
  for (const proto of graph.node) {
    const kind =
      proto.opType === 'Constant' ? 'constant' : kindOfNode({ proto, reads: proto.input }, kinds, functions)
    for (const value of proto.output) kinds.set(value, kind)
  }
  return kinds
}

/** Within a function nothing is known of its arguments. */
function allData(body: readonly NodeProto[]): Map<string, ValueKind> {
  const kinds = new Map<string, ValueKind>()
  for (const { input } of body) for (const value of input) kinds.set(value, 'data')
  for (const { opType, output } of body) {
    for (const value of output)
      kinds.set(value, opType === 'Constant' ? 'constant' : sizes.has(opType) ? 'folded' : 'data')
  }
  return kinds
}

function subgraphs({ attribute }: NodeProto): GraphProto[] {
  return attribute.flatMap(({ g, graphs }) => (g === undefined ? graphs : [g, ...graphs]))
}
