import type { Layer, LayerGraph } from '../../model-graph/layer-graph.ts'
import type { Segment } from '../../model-graph/segment.ts'
import type { Columns } from './lowering.ts'

/** What engines fuse with the layer before it: nothing is divided there. */
export const fusedWithBefore: ReadonlySet<string> = new Set([
  'BatchNormalization',
  'Activation',
  'ReLU',
  'LeakyReLU',
  'ELU',
])

function weightBytes({ weights }: Layer): number {
  return weights.reduce((sum, { shape }) => sum + 4 * shape.reduce((all, n) => all * n, 1), 0)
}

/** Some layers of a segment, or some columns of a single one's matrix. */
export interface SegmentPart extends Segment {
  readonly columns?: Columns
  /** The segment's where absent. */
  readonly precision?: 'float32'
}

/**
 * Divides a segment so that layers which end in probabilities are computed in float32: in 16 bits a thousand of them do not
 * sum to 1, on processors that also sum in 16 bits. O(layers x tensors that cross).
 */
export function divideBySoftmax(graph: LayerGraph, segment: Segment): SegmentPart[] {
  const isExact = (index: number) => endsInSoftmax(graph.layers[index]!)
  const groups: number[][] = []
  for (const [position, index] of segment.layers.entries()) {
    const before = segment.layers[position - 1]
    if (before === undefined || isExact(before) !== isExact(index)) groups.push([])
    groups.at(-1)!.push(index)
  }
  if (groups.length === 1 && !isExact(groups[0]![0]!)) return [segment]
  return groups.map((layers) => ({
    ...borders(graph, segment, layers),
    ...(isExact(layers[0]!) && { precision: 'float32' }),
  }))
}

function endsInSoftmax({ type, definition }: Layer): boolean {
  return (
    type === 'Softmax' || (definition.source === 'keras' && definition.config['activation'] === 'softmax')
  )
}

/** Multiples of what the kernels compute at once. */
const columnsTogether = 64

/**
 * Divides a matrix product that is a part of its own by its columns, where they have more than `limitBytes`: each is
 * computed from its own weights. What has an activation over all of them stays whole.
 */
export function divideByColumns(graph: LayerGraph, part: Segment, limitBytes: number): SegmentPart[] {
  const [layer] = part.layers.map((index) => graph.layers[index]!)
  const isAlone = part.layers.length === 1 && layer!.type === 'Dense' && layer!.definition.source === 'keras'
  if (!isAlone || weightBytes(layer!) <= limitBytes) return [part]
  const { shape } = graph.tensors[layer!.outputs[0]!]!
  const config = layer!.definition.source === 'keras' ? layer!.definition.config : {}
  if (shape.length > 1 || config['activation'] === 'softmax') return [part]
  const [units] = shape as [number]
  const fitting = Math.floor((limitBytes * units) / weightBytes(layer!) / columnsTogether) * columnsTogether
  const step = Math.max(columnsTogether, fitting)
  return Array.from({ length: Math.ceil(units / step) }, (_, i) => ({
    ...part,
    columns: { begin: i * step, end: Math.min((i + 1) * step, units) },
  }))
}

/**
 * Divides a segment into consecutive ones, each of at most `limitBytes` of weights or of one layer: weights are held
 * twice while a runtime is made of them, and that way only a part of them. O(layers x tensors that cross).
 */
export function divideByWeights(graph: LayerGraph, segment: Segment, limitBytes: number): Segment[] {
  const groups: number[][] = [[]]
  let bytes = 0
  for (const [position, index] of segment.layers.entries()) {
    const own = weightBytes(graph.layers[index]!)
    if (bytes > 0 && bytes + own > limitBytes && mayDivide(graph, segment.layers, position)) {
      groups.push([])
      bytes = 0
    }
    groups.at(-1)!.push(index)
    bytes += own
  }
  if (groups.length === 1) return [segment]
  return groups.map((layers) => borders(graph, segment, layers))
}

/** Whether no tensor that crosses before that position is read by what should be fused with its producer. */
function mayDivide(graph: LayerGraph, layers: readonly number[], position: number): boolean {
  const before = new Set(layers.slice(0, position))
  return layers.slice(position).every((index) => {
    const { type, inputs } = graph.layers[index]!
    return (
      !fusedWithBefore.has(type) || inputs.every((tensor) => !before.has(graph.tensors[tensor]!.producer))
    )
  })
}

function borders(graph: LayerGraph, segment: Segment, layers: readonly number[]): Segment {
  const own = new Set(layers)
  const read = new Set(layers.flatMap((index) => graph.layers[index]!.inputs))
  const made = layers.flatMap((index) => graph.layers[index]!.outputs)
  const inside = new Set(segment.layers)
  return {
    layers,
    inputs: [...read].filter((tensor) => !made.includes(tensor)),
    outputs: made.filter(
      (tensor) =>
        segment.outputs.includes(tensor) ||
        graph.tensors[tensor]!.consumers.some((layer) => inside.has(layer) && !own.has(layer)),
    ),
  }
}
