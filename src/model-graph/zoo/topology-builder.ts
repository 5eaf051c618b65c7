/**
 * Builds Keras functional topologies: the JSON that Keras itself writes, with its automatic names and its order of
 * layers. Layer functions are in `weighted-layers.ts` and `layers.ts`; this file only records calls and orders them.
 *
 * Layers are numbered as Keras numbers them (`_map_graph_network` of Keras 2.9's `engine/functional.py`): by
 * decreasing distance from the output and, within one distance, by the first visit of a depth-first walk from the
 * output. O(layers + edges).
 */
import type { WeightSpec } from '../layer-graph.ts'

/** `[layer, call, output, keyword arguments]`: one tensor read by a layer. */
type InboundTensor = readonly [string, number, number, Readonly<Record<string, never>>]

interface KerasLayer {
  readonly class_name: string
  readonly name: string
  readonly config: Readonly<Record<string, unknown>>
  /** One entry per call of the layer (none for an input layer, one for all others here). */
  readonly inbound_nodes: readonly (readonly InboundTensor[])[]
}

export interface KerasTopology {
  readonly class_name: 'Functional'
  readonly config: {
    readonly name: string
    readonly layers: readonly KerasLayer[]
    readonly input_layers: readonly (readonly [string, number, number])[]
    readonly output_layers: readonly (readonly [string, number, number])[]
  }
}

/** What the builder knows of a layer beyond its JSON. */
interface BuiltLayer {
  readonly json: KerasLayer
  /** Shape of its only output, channels last, without the batch axis. */
  readonly shape: readonly number[]
  readonly weights: readonly WeightSpec[]
}

export interface BuiltTopology {
  readonly topology: KerasTopology
  /** In the order of `topology.config.layers`. */
  readonly layers: readonly BuiltLayer[]
}

/** One model under construction: Keras's "session", which counts automatic names. */
export interface TopologyScope {
  readonly layers: Map<string, BuiltLayer>
  readonly counters: Map<string, number>
}

/** A tensor under construction: the output of the layer `name`. */
export interface SymbolicTensor {
  readonly scope: TopologyScope
  readonly name: string
  /** Without the batch axis. */
  readonly shape: readonly number[]
}

export interface LayerCall {
  readonly className: string
  /** Keras's automatic name where undefined. */
  readonly name: string | undefined
  readonly config: Readonly<Record<string, unknown>>
  readonly inputs: readonly SymbolicTensor[]
  readonly shape: readonly number[]
  /** Weights without the layer's name in front. */
  readonly weights?: readonly WeightSpec[]
}

/** Starts a model; counters start anew, as in a clean Keras session. */
export function openScope(): TopologyScope {
  return { layers: new Map(), counters: new Map() }
}

/**
 * Records one layer called once.
 * @throws {TypeError} where the name is taken.
 */
export function callLayer(scope: TopologyScope, call: LayerCall): SymbolicTensor {
  const { className, config, inputs, shape, weights = [] } = call
  const name = call.name ?? automaticName(scope, className)
  if (scope.layers.has(name)) {
    throw new TypeError(`Cannot add layer: name must be unique, current value is ${name}`)
  }
  scope.layers.set(name, {
    json: {
      class_name: className,
      name,
      config: { name, ...config },
      inbound_nodes: inputs.length === 0 ? [] : [inputs.map((input) => [input.name, 0, 0, {}] as const)],
    },
    shape,
    weights: weights.map((weight) => ({ ...weight, name: `${name}/${weight.name}` })),
  })
  return { scope, name, shape }
}

/** Orders what leads to `output` and writes it as Keras would. Layers that do not lead there are left out. */
export function closeScope(name: string, input: SymbolicTensor, output: SymbolicTensor): BuiltTopology {
  const layers = kerasOrder(input.scope, output.name).map((layer) => input.scope.layers.get(layer)!)
  return {
    topology: {
      class_name: 'Functional',
      config: {
        name,
        layers: layers.map((layer) => layer.json),
        input_layers: [[input.name, 0, 0]],
        output_layers: [[output.name, 0, 0]],
      },
    },
    layers,
  }
}

/** `Conv2D` -> `conv2d`, `conv2d_1`, ...; input layers alone count from 1. */
function automaticName(scope: TopologyScope, className: string): string {
  const stem =
    className === 'InputLayer'
      ? 'input'
      : className
          .replaceAll(/(.)([A-Z][a-z0-9]+)/g, '$1_$2')
          .replaceAll(/([a-z])([A-Z])/g, '$1_$2')
          .toLowerCase()
  const count = scope.counters.get(stem) ?? 0
  scope.counters.set(stem, count + 1)
  if (className === 'InputLayer') return `${stem}_${count + 1}`
  return count === 0 ? stem : `${stem}_${count}`
}

function kerasOrder(scope: TopologyScope, output: string): string[] {
  const inputsOf = (name: string) =>
    (scope.layers.get(name)!.json.inbound_nodes[0] ?? []).map(([input]) => input)

  // Depth-first with an explicit stack: `visited` is the order of first visits, `finished` of last ones.
  const visited = new Map<string, number>([[output, 0]])
  const finished: string[] = []
  const stack = [{ name: output, inputs: inputsOf(output), next: 0 }]
  for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
    const input = top.inputs[top.next++]
    if (input === undefined) {
      finished.push(top.name)
      stack.pop()
    } else if (!visited.has(input)) {
      visited.set(input, visited.size)
      stack.push({ name: input, inputs: inputsOf(input), next: 0 })
    }
  }

  const depth = new Map<string, number>()
  for (const name of finished.toReversed()) {
    const own = depth.get(name) ?? 0
    depth.set(name, own)
    for (const input of inputsOf(name)) depth.set(input, Math.max(own + 1, depth.get(input) ?? 0))
  }
  return finished.toSorted((a, b) => depth.get(b)! - depth.get(a)! || visited.get(a)! - visited.get(b)!)
}
