import { type LayerRecord, readTopologyRecords, type TopologyRecords } from './keras-layer-records.ts'
import type { GraphTensor, Layer, LayerGraph } from './layer-graph.ts'
import { kerasLayer } from './layers/keras-layers.ts'
import { type LayerConfig, layerError } from './layers/layer-config.ts'
import type { LayerFacts } from './layers/layer-facts.ts'

export interface KerasTopologyOptions {
  /** File or other place the topology came from, for messages. */
  readonly origin?: string
  /** Stands in for rows and columns that the topology leaves open. */
  readonly inputSize?: { readonly width: number; readonly height: number }
}

/**
 * Builds the layer graph of a Keras topology (see {@link readTopologyRecords} for the forms). Layers keep the file's
 * order, which is topological as Keras writes it; another order is sorted. O(layers + tensors).
 * @throws {TypeError} for unknown classes, unknown shapes, and graphs that are cyclic, dangling or disconnected.
 */
export function graphFromKeras(topology: unknown, options: KerasTopologyOptions = {}): LayerGraph {
  const origin = options.origin ?? 'the topology'
  const records = readTopologyRecords(topology, origin)
  const order = topologicalOrder(records, origin)
  const positions = new Map(order.map((record, index) => [record.name, index]))
  requireConnected(order, records, positions, origin)

  const consumers = order.map((): number[] => [])
  const shapes: (readonly number[])[] = []
  const layers = order.map((record, index): Layer => {
    const reads = record.reads.map((name) => positions.get(name)!)
    for (const tensor of new Set(reads)) consumers[tensor]!.push(index)
    const config: LayerConfig = { ...record, origin }
    const inputShapes = reads.map((tensor) => shapes[tensor]!)
    const facts =
      record.className === 'InputLayer' ? inputFacts(config, options) : describe(config, inputShapes)
    shapes.push(facts.outputShape)
    return {
      index,
      name: record.name,
      type: record.className,
      inputs: reads,
      outputs: [index],
      weights: facts.weights,
      operations: facts.operations,
      definition: { source: 'keras', config: record.config },
    }
  })
  const tensors = layers.map((layer, id): GraphTensor => {
    const place = { id, name: layer.name, shape: shapes[id]!, producer: id, consumers: consumers[id]! }
    return { ...place, layout: 'channels-last' }
  })
  return {
    name: records.name,
    layers,
    tensors,
    inputs: records.inputs.map((name) => positions.get(name)!),
    outputs: records.outputs.map((name) => positions.get(name)!),
  }
}

function describe(layer: LayerConfig, inputShapes: readonly (readonly number[])[]): LayerFacts {
  return kerasLayer(layer)(layer, inputShapes)
}

function inputFacts(layer: LayerConfig, { inputSize }: KerasTopologyOptions): LayerFacts {
  const raw = layer.config['batch_input_shape'] ?? layer.config['batch_shape']
  const axes: unknown[] = Array.isArray(raw) ? raw.slice(1) : []
  const open = axes.length === 3 ? [inputSize?.height, inputSize?.width] : []
  const shape = axes.map((axis, index) => axis ?? open[index])
  if (shape.length === 0 || !shape.every((axis) => Number.isSafeInteger(axis) && (axis as number) > 0)) {
    throw layerError(
      layer,
      `batch_input_shape must be known after the batch axis, current value is ${JSON.stringify(raw)}`,
    )
  }
  return { outputShape: shape as number[], weights: [], operations: 0 }
}

/** Depth-first post-order over the file's order: leaves an order that is topological already as it is. */
function topologicalOrder(records: TopologyRecords, origin: string): LayerRecord[] {
  const byName = new Map<string, LayerRecord>()
  for (const layer of records.layers) {
    if (byName.has(layer.name))
      throw fault(origin, `layer names must be unique, '${layer.name}' occurs twice`)
    if (layer.name === 'local' || (layer.name === 'input' && layer.className !== 'InputLayer')) {
      throw fault(origin, `no layer must be called '${layer.name}', which stands for a wound`)
    }
    byName.set(layer.name, layer)
  }
  const state = new Map<string, 'open' | 'done'>()
  const order: LayerRecord[] = []
  for (const root of records.layers) {
    const stack = [{ layer: root, next: 0 }]
    if (state.has(root.name)) continue
    state.set(root.name, 'open')
    while (stack.length > 0) {
      const top = stack.at(-1)!
      const name = top.layer.reads[top.next]
      top.next += 1
      if (name === undefined) {
        state.set(top.layer.name, 'done')
        order.push(top.layer)
        stack.pop()
        continue
      }
      const source = byName.get(name)
      if (source === undefined)
        throw fault(origin, `layer '${top.layer.name}' reads '${name}', which does not exist`)
      if (state.get(name) === 'open') {
        const names = stack.map((entry) => entry.layer.name)
        const cycle = [...names.slice(names.indexOf(name)), name]
        throw fault(origin, `layers must not form a cycle, current cycle is ${cycle.join(' reads ')}`)
      }
      if (state.has(name)) continue
      state.set(name, 'open')
      stack.push({ layer: source, next: 0 })
    }
  }
  return order
}

/** Every layer must hang on the inputs and lead to an output, or no split could be reasoned about. */
function requireConnected(
  order: readonly LayerRecord[],
  records: TopologyRecords,
  positions: ReadonlyMap<string, number>,
  origin: string,
): void {
  for (const name of [...records.inputs, ...records.outputs]) {
    if (!positions.has(name)) throw fault(origin, `input and output layers must exist, '${name}' does not`)
  }
  const inputs = new Set(records.inputs)
  for (const layer of order) {
    const isInput = layer.className === 'InputLayer'
    if (isInput !== inputs.has(layer.name)) {
      throw fault(
        origin,
        `input_layers must be exactly the layers of class InputLayer, '${layer.name}' differs`,
      )
    }
    if (!isInput && layer.reads.length === 0)
      throw fault(origin, `layer '${layer.name}' must read from another layer`)
    if (isInput && layer.reads.length > 0)
      throw fault(origin, `input layer '${layer.name}' must read from nothing`)
  }
  const useful = new Set(records.outputs)
  for (const layer of order.toReversed()) {
    if (!useful.has(layer.name))
      throw fault(origin, `every layer must lead to an output, '${layer.name}' does not`)
    for (const name of layer.reads) useful.add(name)
  }
}

function fault(origin: string, complaint: string): TypeError {
  return new TypeError(`Cannot read model of ${origin}: ${complaint}`)
}
