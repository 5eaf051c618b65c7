import { z } from 'zod'

const side = z.int().min(1).max(4096)
const triple = z.tuple([z.number(), z.number(), z.number()])
/** One for all channels, or one each. */
const perChannel = z
  .union([z.number(), triple])
  .transform((value): [number, number, number] => (Array.isArray(value) ? value : [value, value, value]))
const scaleSchema = perChannel.refine((value) => value.every((each) => each !== 0), 'must not be 0')
const name = z.string().min(1)
const grey = z.number().min(0).max(255)

const pictureSchema = z.strictObject({
  kind: z.literal('picture').optional(),
  /** Pixels. */
  width: side,
  height: side,
  /** `grey` is luminance, one channel. */
  channels: z.enum(['rgb', 'bgr', 'grey']).default('rgb'),
  /** value = (pixel 0..255 - mean) / scale, per channel in the order of `channels`. */
  mean: perChannel,
  scale: scaleSchema,
  /** `cover` crops what does not fit, `contain` adds bars, `stretch` changes the proportions. `cover` if absent. */
  fit: z.enum(['cover', 'contain', 'stretch']).optional(),
  /** Where `contain` puts the picture; `centre` if absent. */
  align: z.enum(['centre', 'top-left']).optional(),
  /** Grey of the bars, 0..255; 114 if absent. */
  bar: grey.optional(),
  /** Grey that is seen through transparent pixels, 0..255; 255 if absent. */
  ground: grey.optional(),
})

const valuesSchema = z.strictObject({
  kind: z.literal('values'),
  /** Of one sample, without the batch axis. */
  shape: z.array(z.int().min(1)).min(1).max(7),
  /** value = (sent - mean) / scale; one number for all, or one for each place of the last axis. */
  mean: z.union([z.number(), z.array(z.number()).min(1)]).optional(),
  scale: z.union([z.number(), z.array(z.number()).min(1)]).optional(),
  /** Of the last axis: JSON may then hold objects by these names. */
  names: z.array(name).min(1).optional(),
  /** Of the numbers in messages that are not JSON, little endian; `float32` if absent. */
  dtype: z.enum(['float32', 'float64', 'int16', 'int32', 'uint8']).optional(),
})

/** File beside the manifest: a JSON array of class names. */
const labels = z.string().optional()

const classesSchema = z.strictObject({
  /**
   * `softmax`: the model ends in probabilities; `logits`: softmax is applied to what it gives; `classes`: softmax is
   * applied where what it gives is no distribution.
   */
  kind: z.enum(['softmax', 'logits', 'classes']),
  labels,
  /** How many of the best classes an answer names. */
  topK: z.int().min(1).max(100).default(5),
  /** Name of the output that holds the scores; the first if absent. */
  tensor: name.optional(),
})

/**
 * How a detector's outputs are read. Of one place (cx, cy, w, h are a box's centre and size):
 * `yolov5` [places, 5 + classes]: cx, cy, w, h, objectness, a score for each class;
 * `yolov8` [4 + classes, places]: the same without objectness, transposed;
 * `yolox` as yolov5, but in cells of grids of stride 8, 16 and 32, sizes as logarithms;
 * `rows` [boxes, 6], after suppression within the model: x1, y1, x2, y2, score, class (YOLO 10, 26, NMS inside);
 * `ssd` boxes [places, 4] of x1, y1, x2, y2 and scores [places, classes], see `boxes` and `scores`;
 * `detections` as TensorFlow's detectors: boxes of y1, x1, y2, x2, classes, scores.
 */
export const boxLayouts = ['yolov5', 'yolov8', 'yolox', 'rows', 'ssd', 'detections'] as const

const boxesSchema = z.strictObject({
  kind: z.literal('boxes'),
  layout: z.enum(boxLayouts),
  labels,
  /** Boxes below are no answer. */
  score: z.number().min(0).max(1).default(0.3),
  /** Of two boxes of one class that share more, as intersection over union, the worse is dropped. */
  overlap: z.number().min(0).max(1).default(0.45),
  /** Most boxes of an answer. */
  most: z.int().min(1).max(1000).default(100),
  /** Of the model's boxes: pixels of its input, or shares of it. */
  coordinates: z.enum(['pixels', 'normalised']).default('pixels'),
  /** Scores are logits: the logistic function makes them probabilities. */
  logits: z.boolean().default(false),
  /** Classes before the first that counts, such as the background. */
  background: z.int().min(0).max(1).default(0),
  /** Names of the outputs, in the order that the layout names them; the model's own order if absent. */
  tensors: z.array(name).min(1).max(3).optional(),
})

const valuesOutputSchema = z.strictObject({
  kind: z.literal('values'),
  /** Names of the outputs that an answer holds; all if absent. */
  tensors: z.array(name).min(1).optional(),
  /** Of the last axis of the first, for readers of the answer. */
  labels,
})

const textSchema = z.strictObject({
  kind: z.literal('text'),
  /** Character of each class but the blank, as one string. */
  alphabet: z.string().min(1),
  /** Class that stands for nothing (connectionist temporal classification). */
  blank: z.int().min(0).default(0),
  tensor: name.optional(),
})

/** What `surgeon.json` beside a model says: how to make its input from a message and how to read its output. */
export const manifestSchema = z
  .strictObject({
    $schema: z.string().optional(),
    /** Name shown to people and used in topics. */
    name,
    input: z.discriminatedUnion('kind', [pictureSchema, valuesSchema]),
    output: z.discriminatedUnion('kind', [classesSchema, boxesSchema, valuesOutputSchema, textSchema]),
  })
  .superRefine(({ input, output }, context) => {
    if (input.kind !== 'values') return
    if (output.kind === 'boxes')
      context.addIssue({ code: 'custom', path: ['output', 'kind'], message: 'must not be boxes of numbers' })
    const last = input.shape.at(-1)!
    for (const field of ['mean', 'scale', 'names'] as const) {
      const given = input[field]
      if (Array.isArray(given) && given.length !== last)
        context.addIssue({ code: 'custom', path: ['input', field], message: `must have ${last} entries` })
    }
    if ([input.scale].flat().includes(0))
      context.addIssue({ code: 'custom', path: ['input', 'scale'], message: 'must not be 0' })
  })

export type Manifest = z.infer<typeof manifestSchema>
export type PictureInput = z.infer<typeof pictureSchema>
export type ValuesInput = z.infer<typeof valuesSchema>
export type OutputSpec = Manifest['output']
export type ClassesOutput = z.infer<typeof classesSchema>

/** How a picture becomes the input; undefined where numbers do. */
export function pictureOf({ input }: Pick<Manifest, 'input'>): PictureInput | undefined {
  return input.kind === 'values' ? undefined : input
}

/** @throws {TypeError} where the model takes numbers: what needs pictures says so. */
export function requirePicture({ name, input }: Pick<Manifest, 'name' | 'input'>): PictureInput {
  if (input.kind !== 'values') return input
  throw new TypeError(`Cannot use pictures with model ${name}: its input must be a picture, it is numbers`)
}

/** Channels of the tensor that a picture becomes. */
export function channelsOf({ channels }: PictureInput): 1 | 3 {
  return channels === 'grey' ? 1 : 3
}

/** Axes of the model's input as it stands at a border, batch axis left out. */
export function inputShape(input: Manifest['input']): readonly number[] {
  return input.kind === 'values' ? input.shape : [channelsOf(input), input.height, input.width]
}

/** The manifest with class names from a file beside it. */
export function withLabels(manifest: Manifest, labels: string): Manifest {
  return 'topK' in manifest.output ? { ...manifest, output: { ...manifest.output, labels } } : manifest
}
