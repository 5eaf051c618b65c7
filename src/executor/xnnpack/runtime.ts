import type { Model } from '../../model-graph/model.ts'
import type { Precision } from '../engine.ts'
import type { SegmentPart } from './divide-by-weights.ts'
import type { Pointer } from './foreign-functions.ts'
import type { XnnLibrary } from './library.ts'
import { lowerSegment } from './lower-segment.ts'
import type { External } from './lowering.ts'
import type { NativeFloats } from './native-memory.ts'

export interface ComputeOptions {
  /** The calling thread where null. */
  readonly threadPool: Pointer | null
  readonly precision: Precision
}

interface Place {
  readonly tensor: number
  readonly offset: bigint
}

/** All of a runtime in 16 bits, or status `unsupported`; what crosses its border stays float32. */
const forceFp16 = 4

/** A segment as one runtime of XNNPACK, which has its weights packed in memory of its own. */
export class Runtime {
  private readonly xnn: XnnLibrary
  private readonly pointer: Pointer
  private readonly operands: readonly NativeFloats[]
  /** Tensors that it reads and writes, and where in them it begins, in bytes. Positions are external ids. */
  private readonly places: readonly Place[]
  private bound: readonly Pointer[] = []

  private constructor(
    xnn: XnnLibrary,
    pointer: Pointer,
    operands: readonly NativeFloats[],
    places: readonly Place[],
  ) {
    this.xnn = xnn
    this.pointer = pointer
    this.operands = operands
    this.places = places
  }

  static async create(
    xnn: XnnLibrary,
    model: Model,
    segment: SegmentPart,
    { threadPool, ...how }: ComputeOptions,
  ): Promise<Runtime> {
    const { columns, precision = how.precision } = segment
    const shapeOf = (tensor: number) => model.graph.tensors[tensor]!.shape
    const externals: External[] = [
      ...segment.inputs.map((tensor) => ({ tensor, kind: 'input' as const, shape: shapeOf(tensor) })),
      ...segment.outputs.map((tensor) => ({
        tensor,
        kind: 'output' as const,
        shape: columns === undefined ? shapeOf(tensor) : [columns.end - columns.begin],
      })),
    ]
    const subgraph = await lowerSegment(xnn, model, segment, externals, precision)
    const out: [Pointer] = [0n]
    try {
      xnn.createRuntime(subgraph.pointer, threadPool, precision === 'fp16' ? forceFp16 : 0, out)
    } catch (error) {
      subgraph.close(false)
      if (precision !== 'fp16') throw error
      throw new RangeError(
        `Cannot compute ${model.graph.name} in fp16: ${xnn.file} and the processor must have all of it in 16 bits (${(error as Error).message})`,
      )
    }
    const places = externals.map(({ tensor, kind }) => ({
      tensor,
      offset: kind === 'output' && columns !== undefined ? 4n * BigInt(columns.begin) : 0n,
    }))
    return new Runtime(xnn, out[0], subgraph.close(true), places)
  }

  /** @param pointerOf Memory of a tensor that is read or written. */
  run(pointerOf: (tensor: number) => Pointer): void {
    const pointers = this.places.map(({ tensor, offset }) => pointerOf(tensor) + offset)
    if (pointers.some((pointer, id) => pointer !== this.bound[id])) {
      this.bound = []
      const externals = pointers.map((data, id) => ({ id, data }))
      this.xnn.setupRuntime(this.pointer, externals.length, externals)
      this.bound = pointers
    }
    this.xnn.invokeRuntime(this.pointer)
  }

  /** Once only: the address is nobody's afterwards. */
  free(): void {
    this.xnn.deleteRuntime(this.pointer)
    for (const memory of this.operands) memory.free()
  }
}
