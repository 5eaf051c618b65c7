import { z } from 'zod'
import { bindInputs, bindingsOf } from '../model-graph/bind-inputs.ts'
import { borderShape, type LayerGraph } from '../model-graph/layer-graph.ts'
import { boxLayouts, type Manifest, pictureOf } from '../model-graph/manifest.ts'

/** Rows of classes. */
export const mostClasses = 100
/** Place among a model's outputs. */
export const mostOutput = 255

/** Places among the model's outputs. */
const outputs = z.array(z.int().min(0).max(mostOutput)).min(1).max(3)
const share = z.number().min(0).max(1)

/** Outputs that are sent back whole behind the rows: the state of the publisher's next sample. */
const state = z.array(z.int().min(0).max(mostOutput)).min(1).max(64).optional()

/**
 * How a model's outputs become rows of few numbers. It goes with a request, so that whoever finishes makes the same rows
 * whatever stands in its own manifest.
 */
export const answerSpecSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.enum(['softmax', 'logits', 'classes']),
    topK: z.int().min(1).max(mostClasses),
    outputs: outputs.length(1),
    state,
  }),
  z.strictObject({
    kind: z.literal('boxes'),
    layout: z.enum(boxLayouts),
    score: share,
    overlap: share,
    most: z.int().min(1).max(1000),
    coordinates: z.enum(['pixels', 'normalised']),
    logits: z.boolean(),
    background: z.int().min(0).max(1),
    /** Pixels of the model's input. */
    width: z.int().min(1).max(4096),
    height: z.int().min(1).max(4096),
    outputs,
    state,
  }),
  z.strictObject({ kind: z.literal('text'), blank: z.int().min(0), outputs: outputs.length(1), state }),
  /** The outputs themselves, exactly: state is among them. */
  z.strictObject({
    kind: z.literal('values'),
    outputs: z.array(z.int().min(0).max(mostOutput)).min(1).max(256),
  }),
])

export type AnswerSpec = z.infer<typeof answerSpecSchema>
export type ClassesSpec = Extract<AnswerSpec, { readonly topK: number }>
/** Of what becomes rows. */
export type RowsSpec = Exclude<AnswerSpec, { readonly kind: 'values' }>
export type BoxesSpec = Extract<AnswerSpec, { readonly kind: 'boxes' }>

/** How many outputs a layout reads. */
const outputsOf = { yolov5: 1, yolov8: 1, yolox: 1, rows: 1, ssd: 2, detections: 3 } as const

/**
 * What a manifest says of a model's outputs, with their places; undefined where an answer is the outputs themselves.
 * @throws {TypeError} for the name of an output that the model has not.
 */
export function answerSpec(manifest: Manifest, graph: LayerGraph): AnswerSpec | undefined {
  const spec = outputSpec(manifest, graph)
  if (manifest.state === undefined) return spec
  const state = bindingsOf(bindInputs(graph, manifest, manifest.name), 'state').map(({ output }) => output)
  if (spec === undefined) return { kind: 'values', outputs: graph.outputs.map((_, place) => place) }
  return { ...spec, state }
}

function outputSpec({ name, input, output }: Manifest, graph: LayerGraph): RowsSpec | undefined {
  const place = (tensor: string) => {
    const names = graph.outputs.map((id) => graph.tensors[id]!.name)
    const found = names.indexOf(tensor)
    if (found >= 0) return found
    const shown = graph.outputs.map(
      (id, i) => `'${names[i]}' [${borderShape(graph.tensors[id]!).join(', ')}]`,
    )
    throw new TypeError(
      `Cannot use model ${name}: the output that its manifest names must be one of ${shown.join(', ')}, current value is '${tensor}'`,
    )
  }
  switch (output.kind) {
    case 'values':
      for (const tensor of output.tensors ?? []) place(tensor)
      return undefined
    case 'boxes': {
      const { layout, score, overlap, most, coordinates, logits, background, tensors } = output
      const picture = pictureOf({ input })!
      const outputs = tensors?.map(place) ?? Array.from({ length: outputsOf[layout] }, (_, i) => i)
      if (outputs.length !== outputsOf[layout] || graph.outputs.length < outputs.length)
        throw new TypeError(
          `Cannot use model ${name}: boxes in layout ${layout} must be read from ${outputsOf[layout]} outputs, current count is ${Math.min(outputs.length, graph.outputs.length)}`,
        )
      const { width, height } = picture
      const rules = { layout, score, overlap, most, coordinates, logits, background }
      return { kind: 'boxes', ...rules, width, height, outputs }
    }
    case 'text':
      return {
        kind: 'text',
        blank: output.blank,
        outputs: [output.tensor === undefined ? 0 : place(output.tensor)],
      }
    case 'softmax':
    case 'logits':
    case 'classes':
      return {
        kind: output.kind,
        topK: output.topK,
        outputs: [output.tensor === undefined ? 0 : place(output.tensor)],
      }
  }
}

/** Numbers of a row: class and probability; two corners, score and class; character and probability. */
export const rowWidth = { softmax: 2, logits: 2, classes: 2, boxes: 6, text: 2 } as const

/** Things in a picture that an answer is expected to name. */
const usualBoxes = 10
const usualCharacters = 16

/** Bytes that a condensed answer is expected to have; undefined where the outputs themselves are sent. */
export function expectedBytes(spec: AnswerSpec | undefined): number | undefined {
  if (spec === undefined || spec.kind === 'values') return undefined
  const rows = spec.kind === 'boxes' ? usualBoxes : spec.kind === 'text' ? usualCharacters : spec.topK
  return 4 * rows * rowWidth[spec.kind]
}

/** Most rows that an answer may have. */
export function mostRows(spec: RowsSpec): number {
  if (spec.kind === 'text') return 4096
  return spec.kind === 'boxes' ? spec.most : spec.topK
}
