/** One layer as the topology file lists it, whichever Keras version wrote it. */
export interface LayerRecord {
  readonly name: string
  readonly className: string
  readonly config: Readonly<Record<string, unknown>>
  /** Names of the layers it reads from, in order. */
  readonly reads: readonly string[]
}

export interface TopologyRecords {
  readonly name: string
  readonly layers: readonly LayerRecord[]
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
}

type Json = Readonly<Record<string, unknown>>

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/**
 * Reads a Keras topology: `{class_name, config}` or the same inside `model_config`, of class Functional, Model or
 * Sequential, written by Keras 2 or 3.
 * @param origin File or other place, for messages.
 * @throws {TypeError} where it is something else.
 */
export function readTopologyRecords(topology: unknown, origin: string): TopologyRecords {
  const outer = isObject(topology) ? (topology['model_config'] ?? topology) : topology
  const className = isObject(outer) ? outer['class_name'] : undefined
  const config = isObject(outer) ? outer['config'] : undefined
  if (className === 'Sequential') return readSequential(config, origin)
  if ((className === 'Functional' || className === 'Model') && isObject(config))
    return readFunctional(config, origin)
  throw new TypeError(
    `Cannot read model of ${origin}: class_name must be Functional, Model or Sequential, current value is ${JSON.stringify(className)}`,
  )
}

function readFunctional(config: Json, origin: string): TopologyRecords {
  const layers = layerList(config['layers'], origin).map((raw): LayerRecord => {
    const layer = readLayer(raw, origin)
    const calls = raw['inbound_nodes'] ?? []
    if (!Array.isArray(calls))
      throw malformed(origin, `inbound_nodes of layer '${layer.name}' must be an array`)
    if (calls.length > 1) {
      throw malformed(
        origin,
        `layer '${layer.name}' must be used once, current number of uses is ${calls.length}`,
      )
    }
    return { ...layer, reads: calls.flatMap((call) => sourcesOf(call, layer.name, origin)) }
  })
  return {
    name: typeof config['name'] === 'string' ? config['name'] : 'model',
    layers,
    inputs: endpoints(config['input_layers'], 'input_layers', origin),
    outputs: endpoints(config['output_layers'], 'output_layers', origin),
  }
}

/** A Sequential model names no input layer where its first layer carries the input's shape. */
function readSequential(config: unknown, origin: string): TopologyRecords {
  const list = layerList(isObject(config) ? config['layers'] : config, origin).map((raw) =>
    readLayer(raw, origin),
  )
  const first = list[0]
  if (first === undefined) throw malformed(origin, 'layers must not be empty')
  const input = first.className === 'InputLayer' ? [] : [impliedInput(first, isObject(config) ? config : {})]
  const chain = [...input, ...list]
  return {
    name: isObject(config) && typeof config['name'] === 'string' ? config['name'] : 'sequential',
    layers: chain.map((layer, index) => ({ ...layer, reads: index === 0 ? [] : [chain[index - 1]!.name] })),
    inputs: [chain[0]!.name],
    outputs: [chain.at(-1)!.name],
  }
}

function impliedInput(first: Omit<LayerRecord, 'reads'>, model: Json): Omit<LayerRecord, 'reads'> {
  const shape = first.config['batch_input_shape'] ?? first.config['batch_shape'] ?? model['build_input_shape']
  return { name: `${first.name}_input`, className: 'InputLayer', config: { batch_input_shape: shape } }
}

function layerList(value: unknown, origin: string): Json[] {
  if (!Array.isArray(value) || !value.every(isObject))
    throw malformed(origin, 'layers must be an array of objects')
  return value
}

function readLayer(raw: Json, origin: string): Omit<LayerRecord, 'reads'> {
  const config = isObject(raw['config']) ? raw['config'] : {}
  const name = raw['name'] ?? config['name']
  const className = raw['class_name']
  if (typeof name !== 'string' || name === '') throw malformed(origin, 'every layer must have a name')
  if (typeof className !== 'string') throw malformed(origin, `layer '${name}' must have a class_name`)
  // Keras 3 writes custom classes as `Package>Class`.
  return { name, className: className.split('>').at(-1)!, config }
}

/** Keras 2 writes a call as [[layer, node, tensor, {}], ...], Keras 3 as {args: [...keras_history...]}. */
function sourcesOf(call: unknown, layer: string, origin: string): string[] {
  const found: string[] = []
  const visit = (value: unknown): void => {
    if (isObject(value)) {
      const history = value['keras_history']
      if (history !== undefined) found.push(sourceName(history, layer, origin))
      else for (const inner of [value['args'] ?? [], value['config'] ?? []]) visit(inner)
    } else if (Array.isArray(value)) {
      if (typeof value[0] === 'string') found.push(sourceName(value, layer, origin))
      else for (const inner of value) visit(inner)
    }
  }
  visit(call)
  return found
}

function sourceName(reference: unknown, layer: string, origin: string): string {
  const [name, node, tensor]: unknown[] = Array.isArray(reference) ? reference : []
  if (typeof name !== 'string' || (node ?? 0) !== 0 || (tensor ?? 0) !== 0) {
    throw malformed(
      origin,
      `layer '${layer}' must read first outputs only, current value is ${JSON.stringify(reference)}`,
    )
  }
  return name
}

function endpoints(value: unknown, field: string, origin: string): string[] {
  // Keras 3 leaves out the outer array where there is one.
  const list: unknown[] =
    Array.isArray(value) && typeof value[0] === 'string' ? [value] : Array.isArray(value) ? value : []
  const names = list.map((reference) => sourceName(reference, field, origin))
  if (names.length === 0) throw malformed(origin, `${field} must name at least one layer`)
  return names
}

function malformed(origin: string, complaint: string): TypeError {
  return new TypeError(`Cannot read model of ${origin}: ${complaint}`)
}
