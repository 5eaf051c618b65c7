import { collectGarbage } from '../../memory/collect-garbage.ts'
import { borderShape, elementsOf } from '../../model-graph/layer-graph.ts'
import type { Model } from '../../model-graph/model.ts'
import type { Segment } from '../../model-graph/segment.ts'
import { isChannelsLast, type TensorValue } from '../../tensor/tensor-value.ts'
import { checkInputs } from '../check-inputs.ts'
import type { Executable, Precision } from '../engine.ts'
import { divideByColumns, divideBySoftmax, divideByWeights, type SegmentPart } from './divide-by-weights.ts'
import type { Pointer } from './foreign-functions.ts'
import type { XnnLibrary } from './library.ts'
import { requireLowerable } from './lower-segment.ts'
import { allocateFloats, type NativeFloats } from './native-memory.ts'
import { fromBorder, NativeValue, toBorder } from './native-value.ts'
import { type ComputeOptions, Runtime } from './runtime.ts'

/** Weights that are held twice at most while a segment is compiled, but for those of a single layer. */
const packedTogetherBytes = 16 * 2 ** 20
/** The same of a single matrix, which is read once for each of its parts. */
const columnBytes = 128 * 2 ** 20

/**
 * Compiles a segment to runtimes that are run one after the other, with memory of their own for the tensors at their
 * borders.
 */
export async function compileXnnpackSegment(
  xnn: XnnLibrary,
  model: Model,
  segment: Segment,
  how: ComputeOptions,
): Promise<Executable> {
  requireLowerable(model.graph, segment)
  const runtimes: Runtime[] = []
  try {
    const parts = partsOf(model, segment, how.precision)
    for (const part of parts) {
      runtimes.push(await Runtime.create(xnn, model, part, how))
      // The weights that the part was packed from, before the next part's are read.
      if (parts.length > 1) collectGarbage()
    }
  } catch (error) {
    for (const runtime of runtimes) runtime.free()
    throw error
  }
  return new SegmentExecutable(xnn, model, segment, runtimes)
}

/** What there is to compute, divided; tensors that only pass by belong to no part. */
function partsOf({ graph, weights }: Model, segment: Segment, precision: Precision): SegmentPart[] {
  const layers = segment.layers.filter((index) => graph.layers[index]!.type !== 'InputLayer')
  if (layers.length === 0) return []
  const given = new Set(segment.inputs)
  const read = new Set(layers.flatMap((index) => graph.layers[index]!.inputs))
  const computed = {
    layers,
    inputs: segment.inputs.filter((tensor) => read.has(tensor)),
    outputs: segment.outputs.filter((tensor) => !given.has(tensor)),
  }
  const divided = precision === 'fp16' ? divideBySoftmax(graph, computed) : [computed]
  const parts = divided.flatMap((part) =>
    divideByWeights(graph, part, packedTogetherBytes).map(
      (smaller): SegmentPart => ({ ...part, ...smaller }),
    ),
  )
  if (weights.readPart === undefined) return parts
  return parts.flatMap((part) => divideByColumns(graph, part, columnBytes))
}

class SegmentExecutable implements Executable {
  private readonly xnn: XnnLibrary
  private readonly model: Model
  private readonly segment: Segment
  private runtimes: readonly Runtime[]
  private readonly memory = new Map<number, NativeFloats>()
  /** Counts what the memory has held; infinite once it is freed. */
  private held = 0

  constructor(xnn: XnnLibrary, model: Model, segment: Segment, runtimes: readonly Runtime[]) {
    this.xnn = xnn
    this.model = model
    this.segment = segment
    this.runtimes = runtimes
  }

  // async, so that a refusal is a rejection
  async run(inputs: readonly TensorValue[]): Promise<TensorValue[]> {
    this.requireHeld()
    const { graph } = this.model
    const batch = this.checked(inputs)
    const outputs = this.segment.outputs.map((id): TensorValue => {
      const passing = this.segment.inputs.indexOf(id)
      if (passing >= 0) return inputs[passing]!
      const tensor = graph.tensors[id]!
      return {
        shape: [batch, ...borderShape(tensor)],
        data: new Float32Array(batch * elementsOf(tensor)),
      }
    })
    // A runtime's batch is fixed when it is defined.
    for (let member = 0; member < batch; member++) {
      this.runOnce(inputs, member)
      for (const [position, id] of this.segment.outputs.entries()) {
        if (this.segment.inputs.includes(id)) continue
        const length = elementsOf(graph.tensors[id]!)
        const place = outputs[position]!.data.subarray(member * length, (member + 1) * length)
        toBorder(graph.tensors[id]!, this.memoryOf(id).data, place)
      }
    }
    return outputs
  }

  async runInPlace(inputs: readonly TensorValue[]): Promise<TensorValue[]> {
    this.requireHeld()
    if (this.checked(inputs) !== 1) return this.run(inputs)
    this.runOnce(inputs, 0)
    const { held } = this
    return this.segment.outputs.map((id) => {
      const passing = this.segment.inputs.indexOf(id)
      if (passing >= 0) return inputs[passing]!
      return new NativeValue(this.model.graph.tensors[id]!, this.memoryOf(id), () => this.held === held)
    })
  }

  async release(): Promise<void> {
    if (this.held === Number.POSITIVE_INFINITY) return
    this.held = Number.POSITIVE_INFINITY
    for (const runtime of this.runtimes) runtime.free()
    for (const memory of this.memory.values()) memory.free()
    this.runtimes = []
    this.memory.clear()
  }

  private requireHeld(): void {
    if (this.held !== Number.POSITIVE_INFINITY) return
    throw new Error(`Cannot run a segment of ${this.model.graph.name}: it must not be released`)
  }

  /** @returns The batch size. */
  private checked(inputs: readonly TensorValue[]): number {
    const { graph } = this.model
    const isOwn = (id: number, position: number): boolean => {
      const input = inputs[position]
      return input instanceof NativeValue && input.tensor === graph.tensors[id]
    }
    if (inputs.length === this.segment.inputs.length && this.segment.inputs.every(isOwn)) return 1
    return checkInputs(graph, this.segment, inputs)
  }

  private runOnce(inputs: readonly TensorValue[], member: number): void {
    const pointers = new Map<number, Pointer>()
    for (const [position, id] of this.segment.inputs.entries()) {
      const input = inputs[position]!
      const pointer = input instanceof NativeValue ? input.pointer : undefined
      if (pointer !== undefined) {
        pointers.set(id, pointer)
        continue
      }
      const memory = this.memoryOf(id)
      if (isChannelsLast(input)) {
        input.writeChannelsLast(memory.data)
        continue
      }
      const tensor = this.model.graph.tensors[id]!
      const length = elementsOf(tensor)
      fromBorder(tensor, input.data.subarray(member * length, (member + 1) * length), memory.data)
    }
    this.held++
    for (const runtime of this.runtimes)
      runtime.run((tensor) => pointers.get(tensor) ?? this.memoryOf(tensor).pointer)
  }

  private memoryOf(id: number): NativeFloats {
    const found = this.memory.get(id)
    if (found !== undefined) return found
    const memory = allocateFloats(this.xnn, elementsOf(this.model.graph.tensors[id]!))
    this.memory.set(id, memory)
    return memory
  }
}
