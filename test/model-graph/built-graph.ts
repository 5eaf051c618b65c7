import type { GraphTensor, Layer, LayerGraph } from '../../src/model-graph/layer-graph.ts'
import type { BuiltTopology } from '../../src/model-graph/zoo/topology-builder.ts'

/** The layer graph of a built topology, from the builder's own shapes; operations are not counted. */
export function graphOf(built: BuiltTopology): LayerGraph {
  const indexOf = new Map(built.layers.map((layer, index) => [layer.json.name, index]))
  const layers = built.layers.map(({ json, weights }, index): Layer => {
    const inputs = (json.inbound_nodes[0] ?? []).map(([name]) => indexOf.get(name)!)
    const { name, class_name: type, config } = json
    return {
      index,
      name,
      type,
      inputs,
      outputs: [index],
      weights,
      operations: 0,
      definition: { source: 'keras', config },
    }
  })
  const tensors = built.layers.map(({ json, shape }, id): GraphTensor => {
    const consumers = layers.filter((layer) => layer.inputs.includes(id)).map((layer) => layer.index)
    return { id, name: json.name, shape, layout: 'channels-last', producer: id, consumers }
  })
  const { name, input_layers: inputs, output_layers: outputs } = built.topology.config
  const ids = (ports: typeof inputs) => ports.map(([layer]) => indexOf.get(layer)!)
  return { name, layers, tensors, inputs: ids(inputs), outputs: ids(outputs) }
}

/** A graph of nameless layers: `types[i]` is layer i's type, `edges` go from lower to higher. */
export function graphOfEdges(
  types: readonly string[],
  edges: readonly (readonly [number, number])[],
): LayerGraph {
  const layers = types.map((type, index): Layer => {
    const inputs = edges.filter(([, to]) => to === index).map(([from]) => from)
    const definition = { source: 'keras', config: {} } as const
    return { index, name: `${index}`, type, inputs, outputs: [index], weights: [], operations: 0, definition }
  })
  const tensors = types.map((_, id): GraphTensor => {
    const consumers = [...new Set(edges.filter(([from]) => from === id).map(([, to]) => to))].toSorted(
      (a, b) => a - b,
    )
    return { id, name: `${id}`, shape: [1], layout: 'channels-last', producer: id, consumers }
  })
  const inputs = layers.filter((layer) => layer.inputs.length === 0).map((layer) => layer.index)
  const outputs = tensors.filter((tensor) => tensor.consumers.length === 0).map((tensor) => tensor.id)
  return { name: 'drawn', layers, tensors, inputs, outputs }
}
