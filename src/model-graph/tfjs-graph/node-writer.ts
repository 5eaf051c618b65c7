import { type NodeProto, TensorProto_DataType as Type } from 'onnx-buf'
import { type Attribute, onnxNode } from '../../onnx/onnx-message.ts'
import type { OnnxConstant } from '../model.ts'
import { fromNumbers } from '../onnx/element-types.ts'
import { keptConstant } from '../onnx/onnx-constants.ts'

/** An attribute as TensorFlow's protobuf is written in JSON; texts are base64, whole numbers may be texts. */
export interface TfAttribute {
  readonly s?: string
  readonly i?: string | number
  readonly f?: number
  readonly b?: boolean
  readonly type?: string
  readonly list?: { readonly s?: readonly string[]; readonly i?: readonly (string | number)[] }
  readonly shape?: TfShape
  readonly [other: string]: unknown
}

export interface TfShape {
  readonly dim?: readonly { readonly size?: string | number }[]
  readonly unknownRank?: boolean
}

export interface TfNode {
  readonly name: string
  readonly op: string
  /** Values it reads: `node` is its first output, `node:1` its second. */
  readonly reads: readonly string[]
  readonly attr: Readonly<Record<string, TfAttribute>>
}

/** Where the nodes of one TensorFlow node go. */
export interface Sink {
  readonly nodes: NodeProto[]
  readonly constants: Map<string, OnnxConstant>
  /** Values within one TensorFlow node: nothing is cut there. */
  readonly inner: Set<string>
  /** Whole numbers of constants, by value. */
  readonly numbers: ReadonlyMap<string, readonly number[]>
  readonly origin: string
}

/** Writes one TensorFlow node as ONNX nodes. All values keep TensorFlow's order of axes. */
export class NodeWriter {
  readonly node: TfNode
  private readonly sink: Sink
  private count = 0

  constructor(node: TfNode, sink: Sink) {
    this.node = node
    this.sink = sink
  }

  input(index: number): string {
    const found = this.node.reads[index]
    if (found === undefined) throw this.fault(`must read at least ${index + 1} values`)
    return found
  }

  /** @returns Name of the node's output with that number. */
  output(index = 0): string {
    return index === 0 ? this.node.name : `${this.node.name}:${index}`
  }

  /** @param output One of the node's own; a value within it where absent. */
  add(
    opType: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, Attribute>> = {},
    output = this.within(),
  ): string {
    this.sink.nodes.push(onnxNode(opType, inputs, [output], attributes))
    return output
  }

  addSeveral(
    opType: string,
    inputs: readonly string[],
    outputs: number,
    attributes: Readonly<Record<string, Attribute>> = {},
  ): string[] {
    const names = Array.from({ length: outputs }, () => this.within())
    this.sink.nodes.push(onnxNode(opType, inputs, names, attributes))
    return names
  }

  ints(values: readonly number[], type: Type = Type.INT64): string {
    return this.constant([values.length], type, values)
  }

  scalar(value: number, type: Type = Type.FLOAT): string {
    return this.constant([], type, [value])
  }

  /** What an operand holds that must be a constant. */
  numbers(index: number): readonly number[] {
    const found = this.sink.numbers.get(this.input(index))
    if (found === undefined) throw this.fault(`must have a constant as operand ${index}`)
    return found
  }

  /** Axes of an operand that must be a constant. */
  shape(index: number): readonly number[] {
    const found = this.sink.constants.get(this.input(index))
    if (found === undefined) throw this.fault(`must have a constant as operand ${index}`)
    return found.dims
  }

  knownNumbers(index: number): readonly number[] | undefined {
    return this.sink.numbers.get(this.node.reads[index] ?? '')
  }

  /** The operand as int64, which ONNX wants of sizes and positions. */
  long(index: number): string {
    const known = this.knownNumbers(index)
    return known === undefined ? this.cast(this.input(index), Type.INT64) : this.ints(known)
  }

  cast(value: string, type: Type, output?: string): string {
    return this.add('Cast', [value], { to: { int: type } }, output)
  }

  transpose(value: string, perm: readonly number[], output?: string): string {
    return this.add('Transpose', [value], { perm: { ints: perm } }, output)
  }

  text(name: string, fallback = ''): string {
    const { s } = this.node.attr[name] ?? {}
    return s === undefined ? fallback : decodeText(s)
  }

  texts(name: string): string[] {
    return (this.node.attr[name]?.list?.s ?? []).map(decodeText)
  }

  flag(name: string): boolean {
    return this.node.attr[name]?.b === true
  }

  number(name: string, fallback: number): number {
    const { i, f } = this.node.attr[name] ?? {}
    return Number(i ?? f ?? fallback)
  }

  list(name: string): number[] {
    return (this.node.attr[name]?.list?.i ?? []).map(Number)
  }

  fault(complaint: string): TypeError {
    const { name, op } = this.node
    return new TypeError(`Cannot load ${this.sink.origin}: layer '${name}' of type ${op} ${complaint}`)
  }

  private within(): string {
    this.count += 1
    const name = `${this.node.name}/:${this.count}`
    this.sink.inner.add(name)
    return name
  }

  private constant(dims: readonly number[], type: Type, values: readonly number[]): string {
    this.count += 1
    const name = `${this.node.name}/:constant-${this.count}`
    this.sink.constants.set(name, keptConstant(dims, type, fromNumbers(type, values)))
    return name
  }
}

function decodeText(text: string): string {
  return Buffer.from(text, 'base64').toString()
}
