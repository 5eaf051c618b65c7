import { divide } from '../model-graph/cut.ts'
import type { LayerGraph } from '../model-graph/layer-graph.ts'
import type { Segment } from '../model-graph/segment.ts'
import type { Wound } from '../model-graph/wound.ts'
import type { Precision } from './engine.ts'

export interface ChainSegment extends Segment {
  readonly key: string
  /** Operation count of its layers. */
  readonly operations: number
}

/**
 * A model divided at nested wounds, `input` first and `local` last: segment i runs from wound i to wound i + 1, so a
 * head is the first segments and the local tail the rest, and changing the wound loads nothing.
 */
export interface SegmentChain {
  readonly wounds: readonly Wound[]
  readonly segments: readonly ChainSegment[]
  /** Tensor ids there are after the first `i` segments: what crosses at wound i, the model's outputs at the end. */
  crossing(i: number): readonly number[]
  /** Place of a wound in the chain. @throws {RangeError} for a wound that is not a border of it. */
  indexOf(wound: string): number
}

/** Under which key a segment is loaded that is computed in a precision. */
export function keyIn(precision: Precision, { key }: ChainSegment): string {
  return precision === 'float32' ? key : `${key} ${precision}`
}

export function segmentChain(graph: LayerGraph, wounds: readonly Wound[]): SegmentChain {
  const segments = divide(graph, wounds.slice(1, -1)).map((segment, i) => ({
    ...segment,
    key: `${wounds[i]!.id}..${wounds[i + 1]!.id}`,
    operations: segment.layers.reduce((sum, layer) => sum + graph.layers[layer]!.operations, 0),
  }))
  return {
    wounds,
    segments,
    crossing: (i) => (i === segments.length ? graph.outputs : wounds[i]!.tensors),
    indexOf: (id) => {
      const index = wounds.findIndex((wound) => wound.id === id)
      if (index < 0)
        throw new RangeError(
          `Cannot cut at ${id}: the segments border at ${wounds.map((w) => w.id).join(', ')}`,
        )
      return index
    },
  }
}
