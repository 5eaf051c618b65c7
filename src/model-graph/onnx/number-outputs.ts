import { TensorProto_DataType as Type, type ValueInfoProto } from 'onnx-buf'
import type { OnnxFile, OnnxNode } from './onnx-file.ts'

export interface NumberOutputs {
  readonly file: OnnxFile
  /** Class names that the file itself holds, in the order of its scores; empty where it has none. */
  readonly classNames: readonly string[]
}

/**
 * A classifier as converters of scikit-learn write it, with outputs that are tensors of numbers: a ZipMap at the end,
 * which makes a list of maps from class name to score, is taken off, its input is the output and its keys are the
 * class names; outputs that are texts are left out, with what only leads to them, as long as another remains.
 */
export function numberOutputs(file: OnnxFile): NumberOutputs {
  const maps = new Map(
    file.nodes
      .filter(({ proto }) => proto.opType === 'ZipMap')
      .map((node) => [node.writes[0]!, node] as const),
  )
  const isRead = new Set(file.nodes.flatMap(({ reads }) => reads))
  const texts = textValues(file)
  const outputs = file.outputs.flatMap((output): ValueInfoProto[] => {
    const map = isRead.has(output.name) ? undefined : maps.get(output.name)
    if (map !== undefined) return [{ ...output, name: map.reads[0]! }]
    return texts.has(output.name) || isText(output) ? [] : [output]
  })
  const classNames = classNamesOf([...maps.values(), ...file.nodes])
  const unchanged = outputs.every((output, i) => output === file.outputs[i])
  if (outputs.length === 0 || (unchanged && outputs.length === file.outputs.length))
    return { file, classNames }
  return { file: { ...file, outputs, nodes: leadingTo(outputs, file.nodes) }, classNames }
}

const textType: number = Type.STRING

function isText({ type }: ValueInfoProto): boolean {
  return type?.value.case === 'tensorType' && type.value.value.elemType === textType
}

/** Values that are looked up among texts. */
function textValues(file: OnnxFile): Set<string> {
  const texts = new Set(file.texts.keys())
  const passing = new Set([
    'ArrayFeatureExtractor',
    'Gather',
    'Reshape',
    'Identity',
    'Squeeze',
    'Unsqueeze',
    'Where',
  ])
  for (const { proto, writes } of file.nodes) {
    if (passing.has(proto.opType) && proto.input.some((value) => texts.has(value)))
      for (const value of writes) texts.add(value)
  }
  return texts
}

function classNamesOf(nodes: readonly OnnxNode[]): string[] {
  for (const { proto } of nodes) {
    for (const { name, strings, ints } of proto.attribute) {
      if (/^class(labels|es)_strings$/.test(name) && strings.length > 0) {
        const decoder = new TextDecoder()
        return strings.map((text) => decoder.decode(text))
      }
      if (/^class(labels|es)_(int64s|ints)$/.test(name) && ints.length > 0) return ints.map(String)
    }
  }
  return []
}

/** Nodes in the file's order, which need not be topological. */
function leadingTo(outputs: readonly ValueInfoProto[], nodes: readonly OnnxNode[]): OnnxNode[] {
  const maker = new Map(nodes.flatMap((node) => node.writes.map((value) => [value, node] as const)))
  const found = new Set<OnnxNode>()
  const open = outputs.map(({ name }) => name)
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    const node = maker.get(value)
    if (node === undefined || found.has(node)) continue
    found.add(node)
    open.push(...node.reads)
  }
  return nodes.filter((node) => found.has(node))
}
