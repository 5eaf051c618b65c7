/**
 * Borders of a segment that comes from an ONNX file. Inside, tensors are as the file's nodes want them; what crosses
 * is float32, batch axis 1, then the tensor's `borderShape`. Where these differ, nodes at the border translate.
 */
import { TensorProto_DataType } from 'onnx-buf'
import { borderShape, type GraphTensor, type LayerGraph } from '../../model-graph/layer-graph.ts'
import type { Segment } from '../../model-graph/segment.ts'
import { type GraphValue, onnxNode } from '../../onnx/onnx-message.ts'
import { addBlockedInput } from './blocked-layout.ts'
import { joinDigits, splitDigits } from './lower-digits.ts'
import { addIntegers, addNode, type Lowering } from './lowering.ts'

/** Prepends to the lowering's nodes what translates inputs, appends what translates outputs. */
export function lowerOnnxBorders(
  lowering: Lowering,
  graph: LayerGraph,
  segment: Segment,
): { inputs: GraphValue[]; outputs: GraphValue[] } {
  const passing = new Set(segment.inputs)
  const before: Lowering = { ...lowering, nodes: [] }
  const inputs = segment.inputs.map((id) => {
    const tensor = graph.tensors[id]!
    const name = hasOwnForm(tensor)
      ? translateInput(before, tensor, `${tensor.name}:in`)
      : ownName(before, addBlockedInput(before, graph, segment, id))
    return { name, shape: borderShape(tensor), batch: 1 }
  })
  lowering.nodes.unshift(...before.nodes)
  const outputs = segment.outputs.map((id) => {
    const tensor = graph.tensors[id]!
    const translated = hasOwnForm(tensor) || passing.has(id) || tensor.name === hostileName
    const name = translated ? `${tensor.name}:out` : tensor.name
    if (name !== tensor.name) translateOutput(lowering, tensor, name)
    if (tensor.stored?.variable === true) return { name, shape: undefined }
    return { name, shape: borderShape(tensor), batch: 1 }
  })
  return { inputs, outputs }
}

/** The runtime gives and takes values as properties of plain objects, where this name means something else. */
const hostileName = '__proto__'

function ownName(lowering: Lowering, name: string): string {
  if (name !== hostileName) return name
  const outer = `${name}:in`
  addNode(lowering, 'Identity', [outer], name)
  return outer
}

function hasOwnForm(tensor: GraphTensor): boolean {
  return tensor.stored !== undefined || isTransposed(tensor)
}

function isTransposed({ layout, shape }: GraphTensor): boolean {
  return layout === 'channels-last' && shape.length > 1
}

function translateInput(lowering: Lowering, tensor: GraphTensor, from: string): string {
  const { name, stored, shape } = tensor
  let value = from
  if (isTransposed(tensor)) {
    const rank = shape.length
    const perm = [0, ...Array.from({ length: rank - 1 }, (_, axis) => axis + 2), 1]
    value = addNode(lowering, 'Transpose', [value], `${name}:in-order`, { perm: { ints: perm } })
  }
  if (stored !== undefined && stored.digits > 1) value = joinDigits(lowering, name, value, stored)
  if (stored !== undefined && !hasBatch(tensor)) {
    const dims = addIntegers(lowering, `${name}:in-dims`, stored.dims)
    value = addNode(lowering, 'Reshape', [value, dims], `${name}:in-shape`)
  }
  const to = { int: stored?.elementType ?? TensorProto_DataType.FLOAT }
  lowering.nodes.push(onnxNode('Cast', [value], [name], { to }))
  return from
}

function translateOutput(lowering: Lowering, tensor: GraphTensor, output: string): void {
  const { name, stored, shape } = tensor
  let value = name
  if (stored !== undefined && stored.digits > 1) {
    value = splitDigits(lowering, name, stored)
  } else if (stored !== undefined && stored.elementType !== TensorProto_DataType.FLOAT) {
    value = addNode(lowering, 'Cast', [value], `${name}:out-float`, {
      to: { int: TensorProto_DataType.FLOAT },
    })
  }
  if (stored !== undefined && !stored.variable && (stored.digits > 1 || !hasBatch(tensor))) {
    const dims = addIntegers(lowering, `${name}:out-dims`, [1, ...shape])
    value = addNode(lowering, 'Reshape', [value, dims], `${name}:out-shape`)
  }
  if (isTransposed(tensor)) {
    const rank = shape.length
    const perm = [0, rank, ...Array.from({ length: rank - 1 }, (_, axis) => axis + 1)]
    value = addNode(lowering, 'Transpose', [value], `${name}:out-order`, { perm: { ints: perm } })
  }
  lowering.nodes.push(onnxNode('Identity', [value], [output]))
}

/** Whether the file's own axes are a batch axis of 1 and `shape`. */
function hasBatch({ stored, shape }: GraphTensor): boolean {
  return stored === undefined || stored.dims.length === shape.length + 1
}
