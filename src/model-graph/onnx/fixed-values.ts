import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { type GraphProto, type NodeProto, NodeProtoSchema } from 'onnx-buf'
import type { OnnxConstant } from '../model.ts'
import { onnxConstant } from './onnx-constants.ts'
import { constantValue, isConstant, type OnnxFile, onnxNodes } from './onnx-file.ts'

/** The file with values that turned out to be constants: whoever gave them does so no more. */
export function withConstants(file: OnnxFile, constants: ReadonlyMap<string, OnnxConstant>): OnnxFile {
  if (constants.size === 0) return file
  const nodes = file.nodes.flatMap((node) => {
    const writes = node.writes.filter((value) => !constants.has(value))
    if (writes.length === node.writes.length) return [node]
    if (writes.length === 0) return []
    const output = node.proto.output.map((value) => (constants.has(value) ? '' : value))
    return [{ ...node, writes, proto: create(NodeProtoSchema, { ...node.proto, output }) }]
  })
  return {
    ...file,
    nodes,
    constants: new Map([...file.constants, ...constants]),
    inputs: file.inputs.filter(({ name }) => !constants.has(name)),
  }
}

/**
 * The file with every If whose condition is known replaced by the branch that it takes: the engine checks the shapes of
 * both branches, though the other may be for inputs of another size.
 * @param conditions By name.
 */
export function withBranchesTaken(file: OnnxFile, conditions: ReadonlyMap<string, boolean>): OnnxFile {
  const constants = new Map(file.constants)
  const protos = file.nodes.flatMap(({ proto, name }): NodeProto[] => {
    const condition = conditions.get(proto.input[0] ?? '')
    if (proto.opType !== 'If' || condition === undefined) return [create(NodeProtoSchema, { ...proto, name })]
    const wanted = condition ? 'then_branch' : 'else_branch'
    const branch = proto.attribute.find((attribute) => attribute.name === wanted)?.g
    if (branch === undefined) return [create(NodeProtoSchema, { ...proto, name })]
    return inlined(branch, name, proto, constants, file.path)
  })
  return { ...file, constants, nodes: onnxNodes(protos, file.inputs) }
}

/** Nodes of a branch in place of the If, its values under names of their own. */
function inlined(
  branch: GraphProto,
  place: string,
  { output }: NodeProto,
  constants: Map<string, OnnxConstant>,
  path: string,
): NodeProto[] {
  const own = new Map<string, string>()
  const names = [...branch.initializer.map(({ name }) => name), ...branch.node.flatMap((node) => node.output)]
  for (const name of names) if (name !== '') own.set(name, `${place}/${name}`)
  for (const tensor of branch.initializer)
    constants.set(own.get(tensor.name)!, onnxConstant(tensor, tensor.name, new Uint8Array(), path))
  for (const node of branch.node.filter(isConstant)) {
    const tensor = constantValue(node, path)
    constants.set(own.get(node.output[0]!)!, onnxConstant(tensor, node.output[0]!, new Uint8Array(), path))
  }
  const renamed = branch.node.filter((node) => !isConstant(node)).map((node) => rename(node, own))
  // What the If gave is what the branch gives, or something from outside that it hands on.
  const ends = branch.output.map(({ name }, i) =>
    create(NodeProtoSchema, {
      opType: 'Identity',
      input: [own.get(name) ?? name],
      output: [output[i] ?? ''],
    }),
  )
  return [...renamed, ...ends.filter((node) => node.output[0] !== '')]
}

function rename(node: NodeProto, names: ReadonlyMap<string, string>): NodeProto {
  const copy = fromBinary(NodeProtoSchema, toBinary(NodeProtoSchema, node))
  const to = (name: string): string => names.get(name) ?? name
  copy.input = copy.input.map(to)
  copy.output = copy.output.map(to)
  for (const { g, graphs } of copy.attribute) {
    for (const graph of g === undefined ? graphs : [g, ...graphs]) {
      graph.node = graph.node.map((inner) => rename(inner, names))
      for (const end of graph.output) end.name = to(end.name)
    }
  }
  return copy
}
