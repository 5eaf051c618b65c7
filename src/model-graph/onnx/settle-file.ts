import type { OnnxRuntime } from '../../onnx/onnx-runtime.ts'
import { elementCount } from '../../tensor/element-count.ts'
import type { OnnxConstant } from '../model.ts'
import { fromNumbers } from './element-types.ts'
import { withBranchesTaken, withConstants } from './fixed-values.ts'
import { keptConstant } from './onnx-constants.ts'
import type { OnnxFile, OnnxNode } from './onnx-file.ts'
import { type InputHints, onnxInputs, requireInputNames } from './onnx-inputs.ts'
import type { ProbeInput } from './probe-message.ts'
import { constantValues, nodesOfUnknownSize, type ProbedModel, probeModel } from './probe-model.ts'
import { nodeError, sortNodes } from './sort-nodes.ts'
import { type SortedValues, sortValues } from './sort-values.ts'

export interface SettledFile {
  readonly file: OnnxFile
  readonly sorted: SortedValues
  /** Those that something reads. */
  readonly inputs: readonly ProbeInput[]
  readonly probed: ProbedModel
  /** Outputs that are the same for every input. */
  readonly constantOutputs: ReadonlyMap<string, OnnxConstant>
}

/**
 * Finds out what every value of a file is, and takes out of it what is settled: inputs that are given once, branches
 * whose condition is known, tensors without values.
 * @throws {TypeError} as {@link graphFromOnnx} says.
 */
export async function settleFile(
  runtime: OnnxRuntime,
  given: OnnxFile,
  hints: InputHints,
): Promise<SettledFile> {
  requireInputNames(given, 'shapes', hints.shapes)
  requireInputNames(given, 'fixed values', hints.values ?? {})
  let file = withConstants(given, givenInputs(given, hints))
  const variable = new Set<OnnxNode>()
  for (;;) {
    const sorted = sortValues(file, sortNodes(file), variable)
    const nodes = [...sorted.preparing, ...sorted.data, ...sorted.variable]
    const read = new Set([...sorted.outputs, ...nodes.flatMap(({ reads }) => reads)])
    const inputs = onnxInputs(file, hints).filter(({ name }) => read.has(name))
    try {
      const taken = await knownConditions(runtime, file, sorted, inputs)
      if (taken.size > 0) {
        file = withBranchesTaken(file, taken)
        continue
      }
      const unsure = await nodesOfUnknownSize(runtime, file, sorted, inputs, sorted.doubtful)
      for (const node of unsure) variable.add(node)
      if (unsure.length > 0) continue
      const probed = await probeModel(runtime, file, sorted, inputs)
      const empty = emptyValues(sorted, probed)
      if (empty.size > 0) {
        file = withConstants(file, empty)
        continue
      }
      const constantOutputs = await constantValues(runtime, file, sorted, inputs, sorted.constantOutputs)
      return { file, sorted, inputs, probed, constantOutputs }
    } catch (cause) {
      throw engineRefusal(file, nodes, cause)
    }
  }
}

/** Inputs whose values are given once, or that have none. */
function givenInputs(file: OnnxFile, hints: InputHints): Map<string, OnnxConstant> {
  const { values = {}, shapes } = hints
  const fixed = (name: string): boolean =>
    Object.hasOwn(values, name) || (Object.hasOwn(shapes, name) && shapes[name]!.includes(0))
  const inputs = file.inputs.filter(({ name }) => fixed(name))
  const known = onnxInputs({ ...file, inputs }, hints)
  return new Map(
    known.map(({ name, dims, elementType }) => {
      const count = elementCount(dims)
      const value = count === 0 ? [] : values[name]!
      const list = typeof value === 'number' ? Array.from({ length: count }, () => value) : value
      if (list.length !== count)
        throw new TypeError(
          `Cannot load ${file.path}: fixed value of '${name}' must be 1 or ${count} numbers, current number is ${list.length}`,
        )
      return [name, keptConstant(dims, elementType, fromNumbers(elementType, list))]
    }),
  )
}

/** Conditions that no data decide. */
async function knownConditions(
  runtime: OnnxRuntime,
  file: OnnxFile,
  sorted: SortedValues,
  inputs: readonly ProbeInput[],
): Promise<Map<string, boolean>> {
  const names = file.nodes
    .filter(({ proto }) => proto.opType === 'If')
    .map(({ proto }) => proto.input[0]!)
    .filter((name) => ['constant', 'static'].includes(sorted.kinds.get(name) ?? ''))
  const found = new Map<string, boolean>()
  for (const [name, constant] of await constantValues(runtime, file, sorted, inputs, [...new Set(names)]))
    found.set(name, (await constant.read())[0] === 1)
  return found
}

/** What layers give and is empty: a constant like any other. */
function emptyValues({ data }: SortedValues, { facts }: ProbedModel): Map<string, OnnxConstant> {
  const found = new Map<string, OnnxConstant>()
  for (const name of data.flatMap(({ writes }) => writes)) {
    const known = facts.get(name)
    if (known?.dims.includes(0) === true)
      found.set(name, keptConstant(known.dims, known.elementType, new Uint8Array()))
  }
  return found
}

/** ONNX Runtime names the node or its operator somewhere in its message. */
function engineRefusal(file: OnnxFile, nodes: readonly OnnxNode[], cause: unknown): Error {
  // Told already: a constant that cannot be read.
  if (cause instanceof Error && cause.message.includes(file.path)) return cause
  const message = cause instanceof Error ? cause.message : String(cause)
  const named = nodes.find(({ name }) => message.includes(`(${name})`) || message.includes(`'${name}'`))
  const typed = nodes.find(({ proto }) => message.includes(`${proto.domain || 'ai.onnx'}:${proto.opType}(`))
  const node = named ?? typed ?? nodes.find(({ proto }) => new RegExp(`\\b${proto.opType}\\b`).test(message))
  if (node === undefined)
    return new TypeError(`Cannot load ${file.path}: the engine must accept it, it says: ${message}`, {
      cause,
    })
  return nodeError(file, node, `must be one that the engine runs, it says: ${message}`, cause)
}
