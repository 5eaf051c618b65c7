import { z } from 'zod'
import type { GraphTensor, Layer, LayerGraph } from '../model-graph/layer-graph.ts'
import { type Manifest, manifestSchema } from '../model-graph/manifest.ts'
import type { Model } from '../model-graph/model.ts'
import { type Calibration, calibrationRowSchema, calibrationVersion } from './calibration-file.ts'

const name = z.string().min(1).max(256)
/** Of the model's file: axes without the batch axis. */
const tensorSchema = z.strictObject({
  name,
  shape: z.array(z.int().min(1).max(65_536)).max(7),
  layout: z.enum(['channels-last', 'channels-first']),
})

const inputWound = 'input'
/** No model has more values in one input or output that anybody sends over MQTT. */
const mostValues = 2 ** 24

const cardSchema = z.strictObject({
  hash: z.string().regex(/^[0-9a-f]{32}$/),
  /** As `surgeon.json` has it, without the file of class names. */
  manifest: z.record(z.string(), z.unknown()),
  inputs: z.array(tensorSchema).min(1).max(64),
  outputs: z.array(tensorSchema).min(1).max(256),
  labels: z.array(z.string().max(256)).max(100_000),
  /** What of its calibration is of the input. */
  calibration: z
    .strictObject({ images: z.int().min(1), rows: z.array(calibrationRowSchema).max(256) })
    .optional(),
  /** Where they were made up: its answers mean nothing. */
  weights: z.literal('random').optional(),
})

/**
 * What must be known of a model to have others answer with it: its manifest, what goes in and comes out, its labels, and
 * what codecs of its input cost.
 */
export interface ModelCard {
  readonly model: Model
  readonly labels: readonly string[]
  readonly calibration: Calibration | undefined
  readonly hasRandomWeights: boolean
}

/** The card as it is sent. */
export function writeModelCard({
  model,
  labels,
  calibration,
  hasRandomWeights,
}: ModelCard): Uint8Array<ArrayBuffer> {
  const { graph, hash, manifest } = model
  const borders = (ids: readonly number[]) =>
    ids.map((id) => {
      const { name: tensor, shape, layout } = graph.tensors[id]!
      return { name: tensor, shape: [...shape], layout }
    })
  const card: z.input<typeof cardSchema> = {
    hash,
    manifest: asWritten(manifest),
    // In the order in which they cross, which is that of their ids.
    inputs: borders(graph.inputs.toSorted((a, b) => a - b)),
    outputs: borders(graph.outputs),
    labels: [...labels],
    ...(calibration !== undefined && {
      calibration: {
        images: calibration.images,
        rows: calibration.rows.filter(({ wound }) => wound === inputWound),
      },
    }),
    ...(hasRandomWeights && { weights: 'random' }),
  }
  return new TextEncoder().encode(JSON.stringify(card))
}

/** @throws {Error} where it is none, or claims what no model has. */
export function readModelCard(bytes: Uint8Array): ModelCard {
  const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  const { hash, manifest, inputs, outputs, labels, calibration, weights } = cardSchema.parse(JSON.parse(text))
  for (const { name: tensor, shape } of [...inputs, ...outputs])
    if (shape.reduce((product, axis) => product * axis, 1) > mostValues)
      throw new RangeError(`Cannot read a model's card: ${tensor} must have at most ${mostValues} values`)
  const read = manifestSchema.parse(manifest)
  const unread = () => {
    throw new TypeError(`Cannot compute with model ${read.name}: only its card is here`)
  }
  return {
    model: { graph: graphOf(read.name, inputs, outputs), manifest: read, hash, weights: { read: unread } },
    labels,
    calibration: calibration && { ...calibration, version: calibrationVersion, model: hash, transforms: [] },
    hasRandomWeights: weights !== undefined,
  }
}

type Border = z.output<typeof tensorSchema>

/** One layer stands for all that is between inputs and outputs. */
function graphOf(model: string, inputs: readonly Border[], outputs: readonly Border[]): LayerGraph {
  const last = inputs.length
  const tensors = [
    ...inputs.map((border, id): GraphTensor => ({ ...border, id, producer: id, consumers: [last] })),
    ...outputs.map((border, i): GraphTensor => ({ ...border, id: last + i, producer: last, consumers: [] })),
  ]
  const layer = (index: number, fields: Pick<Layer, 'name' | 'type' | 'inputs' | 'outputs'>): Layer => ({
    ...fields,
    index,
    weights: [],
    operations: 1,
    definition: { source: 'keras', config: {} },
  })
  const ids = (from: number, count: number) => Array.from({ length: count }, (_, i) => from + i)
  return {
    name: model,
    layers: [
      ...inputs.map((border, i) =>
        layer(i, { name: border.name, type: 'InputLayer', inputs: [], outputs: [i] }),
      ),
      layer(last, {
        name: model,
        type: 'Model',
        inputs: ids(0, inputs.length),
        outputs: ids(last, outputs.length),
      }),
    ],
    tensors,
    inputs: ids(0, inputs.length),
    outputs: ids(last, outputs.length),
  }
}

/** A manifest as its schema reads it. What is fixed is no input of the model any more. */
function asWritten({ name: model, input, state, output }: Manifest): Record<string, unknown> {
  return {
    name: model,
    ...(input.kind === 'named' ? { inputs: input.inputs } : { input }),
    ...(state !== undefined && { state }),
    output: 'labels' in output ? { ...output, labels: undefined } : output,
  }
}
