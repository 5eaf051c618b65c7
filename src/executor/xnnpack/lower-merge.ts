import { residualScale } from '../../model-graph/layers/elementwise-layers.ts'
import { axisOf } from '../../model-graph/layers/layer-config.ts'
import { lowerReshape } from './lower-map.ts'
import { type LowerLayer, type Subgraph, unbounded, type ValueId } from './lowering.ts'

type Merge = (subgraph: Subgraph, one: ValueId, other: ValueId, target: ValueId) => void

/** Folds the inputs two at a time; an axis of 1 is stretched to the other's. */
function pairwise(merge: Merge): LowerLayer {
  return (subgraph, { inputs, sources, target }) => {
    let merged = sources[0]!
    let { shape } = inputs[0]!
    for (const [i, other] of inputs.slice(1).entries()) {
      shape = shape.map((n, axis) => Math.max(n, other.shape[axis]!))
      const to = i === inputs.length - 2 ? target : subgraph.inner(shape)
      merge(subgraph, merged, sources[i + 1]!, to)
      merged = to
    }
  }
}

export const lowerAdd = pairwise(({ xnn, pointer }, a, b, to) => xnn.add(pointer, ...unbounded, a, b, to, 0))
export const lowerMultiply = pairwise(({ xnn, pointer }, a, b, to) =>
  xnn.multiply(pointer, ...unbounded, a, b, to, 0),
)
export const lowerSubtract = pairwise(({ xnn, pointer }, a, b, to) =>
  xnn.subtract(pointer, ...unbounded, a, b, to, 0),
)
export const lowerMaximum = pairwise(({ xnn, pointer }, a, b, to) => xnn.maximum(pointer, a, b, to, 0))
export const lowerMinimum = pairwise(({ xnn, pointer }, a, b, to) => xnn.minimum(pointer, a, b, to, 0))

export const lowerAverage: LowerLayer = async (subgraph, call) => {
  const sum = subgraph.inner(call.output.shape)
  await lowerAdd(subgraph, { ...call, target: sum })
  const share = subgraph.operand([1 / call.inputs.length])
  subgraph.xnn.multiply(subgraph.pointer, ...unbounded, sum, share, call.target, 0)
}

/** straight + scale * branch */
export const lowerResidualScale: LowerLayer = (subgraph, { config, output, sources, target }) => {
  const scaled = subgraph.inner(output.shape)
  const { xnn, pointer } = subgraph
  xnn.multiply(pointer, ...unbounded, sources[1]!, subgraph.operand([residualScale(config)]), scaled, 0)
  xnn.add(pointer, ...unbounded, sources[0]!, scaled, target, 0)
}

export const lowerConcatenate: LowerLayer = (subgraph, call) => {
  const { config, inputs, output, sources, target } = call
  if (inputs.length === 1) return lowerReshape(subgraph, call)
  const rank = output.shape.length
  const axis = axisOf(config, 'axis', rank)
  const { xnn, pointer } = subgraph
  let merged = sources[0]!
  let width = inputs[0]!.shape[axis]!
  for (const [i, { shape }] of inputs.slice(1).entries()) {
    const source = sources[i + 1]!
    const more = shape[axis]!
    const joint = shape.with(axis, width + more)
    const to = i === inputs.length - 2 ? target : subgraph.inner(joint)
    if (xnn.concatenate !== undefined) xnn.concatenate(pointer, axis + 1, merged, source, to, 0)
    else {
      // Both widened with zeros, then added.
      const halves = [subgraph.inner(joint), subgraph.inner(joint)] as const
      const none = Array.from({ length: rank + 1 }, () => 0)
      xnn.pad(pointer, none, none.with(axis + 1, more), 0, merged, halves[0], 0)
      xnn.pad(pointer, none.with(axis + 1, width), none, 0, source, halves[1], 0)
      xnn.add(pointer, ...unbounded, ...halves, to, 0)
    }
    merged = to
    width += more
  }
}
