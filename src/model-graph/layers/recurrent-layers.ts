import type { WeightSpec } from '../layer-graph.ts'
import { flag, type LayerConfig, layerError, oneOf, positiveInteger } from './layer-config.ts'
import { type DescribeLayer, onlyShape } from './layer-facts.ts'

/** Gates of each class's cell: so many times `units` columns has each of its kernels. */
const gates = { LSTM: 4, GRU: 3, SimpleRNN: 1 } as const

export type RecurrentClass = keyof typeof gates

const mergeModes = ['concat', 'sum', 'mul', 'ave'] as const

/** One pass over the steps of a sequence. */
export interface Recurrence {
  readonly cell: RecurrentClass
  /** Its own settings; of a Bidirectional those of the layer inside, by which its weights are named. */
  readonly config: LayerConfig
  readonly units: number
  readonly gates: number
  /** From the last step to the first. */
  readonly isReversed: boolean
  /** Answers each step, not the last alone. */
  readonly givesSequence: boolean
  readonly hasBias: boolean
  /** Of GRU: the recurrent half has a bias of its own, and is reset after its product. */
  readonly resetsAfter: boolean
}

/** The passes of a recurrent layer, and how they become one: forward, and of a Bidirectional backward. */
export interface Recurrences {
  readonly passes: readonly Recurrence[]
  readonly merge: (typeof mergeModes)[number]
}

/** @throws {TypeError} for a setting that is not carried out. */
export function recurrencesOf(layer: LayerConfig): Recurrences {
  if (layer.className !== 'Bidirectional') {
    const pass = recurrence(layer)
    if (pass.isReversed && pass.givesSequence)
      throw layerError(layer, 'go_backwards must be false where return_sequences is true')
    return { passes: [pass], merge: 'concat' }
  }
  const merge = oneOf(layer, 'merge_mode', mergeModes, 'concat')
  const forward = innerLayer(layer, 'layer', 'forward')
  const backward = innerLayer(
    layer,
    layer.config['backward_layer'] == null ? 'layer' : 'backward_layer',
    'backward',
  )
  const passes = [recurrence(forward), recurrence(backward)] as const
  const [first, second] = passes
  if (first.units !== second.units || first.givesSequence !== second.givesSequence)
    throw layerError(layer, 'both directions must have the same units and return_sequences')
  return { passes: [first, { ...second, isReversed: !first.isReversed }], merge }
}

function innerLayer(layer: LayerConfig, key: string, direction: string): LayerConfig {
  const inner = layer.config[key]
  const { class_name: className, config } = (inner ?? {}) as { class_name?: unknown; config?: unknown }
  if (typeof className !== 'string' || !(className in gates) || typeof config !== 'object' || config === null)
    throw layerError(layer, `${key} must be one of ${Object.keys(gates).join(', ')}`)
  const settings = config as Readonly<Record<string, unknown>>
  const given = String(settings['name'])
  const name = given.startsWith(`${direction}_`) ? given : `${direction}_${given}`
  return { ...layer, className, config: settings, name: `${layer.name}/${name}` }
}

function recurrence(config: LayerConfig): Recurrence {
  for (const key of ['stateful', 'return_state'])
    if (flag(config, key, false)) throw layerError(config, `${key} must be false`)
  const cell = config.className as RecurrentClass
  return {
    cell,
    config,
    units: positiveInteger(config, 'units'),
    gates: gates[cell],
    isReversed: flag(config, 'go_backwards', false),
    givesSequence: flag(config, 'return_sequences', false),
    hasBias: flag(config, 'use_bias', true),
    resetsAfter: cell === 'GRU' && flag(config, 'reset_after', false),
  }
}

/** LSTM, GRU, SimpleRNN, and Bidirectional of these, over [steps, features]. */
export const describeRecurrent: DescribeLayer = (layer, shapes) => {
  const shape = onlyShape(layer, shapes)
  const [stepCount, features] = shape
  if (shape.length !== 2 || stepCount === undefined || features === undefined)
    throw layerError(layer, `input must have steps and features, current shape is [${shape.join(', ')}]`)
  const { passes, merge } = recurrencesOf(layer)
  const isTrained = layer.config['trainable'] !== false
  const weights = passes.flatMap(({ config, units, gates, hasBias, resetsAfter }): WeightSpec[] => {
    const spec = (suffix: string, shape: readonly number[]): WeightSpec => ({
      name: `${config.name}/${suffix}`,
      shape,
      trainable: isTrained,
    })
    const columns = gates * units
    const kernels = [spec('kernel', [features, columns]), spec('recurrent_kernel', [units, columns])]
    return hasBias ? [...kernels, spec('bias', resetsAfter ? [2, columns] : [columns])] : kernels
  })
  const { units, givesSequence } = passes[0]!
  const width = merge === 'concat' ? units * passes.length : units
  const operations = passes.reduce(
    (sum, pass) => sum + 2 * stepCount * pass.gates * pass.units * (features + pass.units),
    0,
  )
  return { outputShape: givesSequence ? [stepCount, width] : [width], weights, operations }
}

/** Ids, which travel as numbers like everything else, become rows of a table. */
export const describeEmbedding: DescribeLayer = (layer, shapes) => {
  const shape = onlyShape(layer, shapes)
  if (flag(layer, 'mask_zero', false)) throw layerError(layer, 'mask_zero must be false')
  const table = [positiveInteger(layer, 'input_dim'), positiveInteger(layer, 'output_dim')]
  const outputShape = [...shape, table[1]!]
  return {
    outputShape,
    weights: [
      { name: `${layer.name}/embeddings`, shape: table, trainable: layer.config['trainable'] !== false },
    ],
    operations: outputShape.reduce((product, n) => product * n, 1),
  }
}
