import { borderShape, type GraphTensor } from '../../model-graph/layer-graph.ts'
import { exchangeAxes } from '../../tensor/exchange-axes.ts'
import type { TensorValue } from '../../tensor/tensor-value.ts'
import type { Pointer } from './foreign-functions.ts'
import type { NativeFloats } from './native-memory.ts'

type Floats = Float32Array<ArrayBuffer>

function channelsOf({ shape }: GraphTensor): number {
  return shape.at(-1)!
}

/** Writes a tensor that travelled, channels first, in XNNPACK's order. */
export function fromBorder(tensor: GraphTensor, values: Floats, to: Floats): void {
  const channels = channelsOf(tensor)
  exchangeAxes(values, channels, values.length / channels, to)
}

/** The opposite of {@link fromBorder}. */
export function toBorder(tensor: GraphTensor, values: Floats, to: Floats): void {
  const channels = channelsOf(tensor)
  exchangeAxes(values, values.length / channels, channels, to)
}

/** One tensor's values where a runtime has left them; a copy in border order is made when it is asked for. */
export class NativeValue implements TensorValue {
  readonly shape: readonly number[]
  readonly tensor: GraphTensor
  private readonly memory: NativeFloats
  private readonly isCurrent: () => boolean
  private copy: Floats | undefined

  /** @param isCurrent False as soon as the memory holds something else. */
  constructor(tensor: GraphTensor, memory: NativeFloats, isCurrent: () => boolean) {
    this.shape = [1, ...borderShape(tensor)]
    this.tensor = tensor
    this.memory = memory
    this.isCurrent = isCurrent
  }

  get data(): Floats {
    if (this.copy === undefined) {
      if (!this.isCurrent())
        throw new Error(
          `Cannot read '${this.tensor.name}': it must be read before its segment runs again or is released`,
        )
      this.copy = new Float32Array(this.memory.data.length)
      toBorder(this.tensor, this.memory.data, this.copy)
    }
    return this.copy
  }

  /** Where the values lie; undefined where they are no longer there. */
  get pointer(): Pointer | undefined {
    return this.isCurrent() ? this.memory.pointer : undefined
  }
}
