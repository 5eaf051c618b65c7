import type { Model } from '../../model-graph/model.ts'
import type { Segment } from '../../model-graph/segment.ts'
import type { Pointer } from './foreign-functions.ts'
import type { XnnLibrary } from './library.ts'
import { lowerSegment } from './lower-segment.ts'
import type { NativeFloats } from './native-memory.ts'

/** A segment as one runtime of XNNPACK, which has its weights packed in memory of its own. */
export class Runtime {
  private readonly xnn: XnnLibrary
  private readonly pointer: Pointer
  private readonly operands: readonly NativeFloats[]
  /** Tensors that it reads and writes; their places are their external ids. */
  private readonly tensors: readonly number[]
  private bound: readonly Pointer[] = []

  private constructor(
    xnn: XnnLibrary,
    pointer: Pointer,
    operands: readonly NativeFloats[],
    tensors: readonly number[],
  ) {
    this.xnn = xnn
    this.pointer = pointer
    this.operands = operands
    this.tensors = tensors
  }

  static async create(
    xnn: XnnLibrary,
    model: Model,
    segment: Segment,
    threadPool: Pointer | null,
  ): Promise<Runtime> {
    const externals = [
      ...segment.inputs.map((tensor) => ({ tensor, kind: 'input' as const })),
      ...segment.outputs.map((tensor) => ({ tensor, kind: 'output' as const })),
    ]
    const subgraph = await lowerSegment(xnn, model, segment, externals)
    const out: [Pointer] = [0n]
    try {
      xnn.createRuntime(subgraph.pointer, threadPool, 0, out)
    } catch (error) {
      subgraph.close(false)
      throw error
    }
    const tensors = externals.map(({ tensor }) => tensor)
    return new Runtime(xnn, out[0], subgraph.close(true), tensors)
  }

  /** @param pointerOf Memory of a tensor that is read or written. */
  run(pointerOf: (tensor: number) => Pointer): void {
    const pointers = this.tensors.map(pointerOf)
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
