import { z } from 'zod'

const side = z.int().min(1).max(4096)
const divisor = z
  .number()
  .refine((value) => value !== 0, 'must not be 0')
  .meta({ not: { const: 0 } })
/** One for all channels, or one each. */
const perChannel = (number: z.ZodNumber) =>
  z
    .union([number, z.tuple([number, number, number])])
    .transform((value): [number, number, number] => (Array.isArray(value) ? value : [value, value, value]))
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
  mean: perChannel(z.number()),
  scale: perChannel(divisor),
  /** `cover` crops what does not fit, `contain` adds bars, `stretch` changes the proportions. `cover` if absent. */
  fit: z.enum(['cover', 'contain', 'stretch']).optional(),
  /** Where `contain` puts the picture; `centre` if absent. */
  align: z.enum(['centre', 'top-left']).optional(),
  /** Grey of the bars, 0..255; 114 if absent. */
  bar: grey.optional(),
  /** Grey that is seen through transparent pixels, 0..255; 255 if absent. */
  ground: grey.optional(),
})

const valuesFields = {
  /** Of one sample, without the batch axis. */
  shape: z.array(z.int().min(1)).min(1).max(7),
  /** value = (sent - mean) / scale; one number for all, or one for each place of the last axis. */
  mean: z.union([z.number(), z.array(z.number()).min(1)]).optional(),
  scale: z.union([divisor, z.array(divisor).min(1)]).optional(),
  /** Of the last axis: JSON may then hold objects by these names. */
  names: z.array(name).min(1).optional(),
  /** Of the numbers in messages that are not JSON, little endian; `float32` if absent. */
  dtype: z.enum(['float32', 'float64', 'int16', 'int32', 'uint8']).optional(),
}

const valuesSchema = z.strictObject({ kind: z.literal('values'), ...valuesFields })

/** One of several inputs: numbers of each message, or what it always holds. */
const namedInputSchema = z.union([
  z.strictObject({ kind: z.literal('values').optional(), ...valuesFields }),
  z.strictObject({
    /** One number for all its values, or all of them: a constant of the model. */
    value: z.union([z.number(), z.array(z.number()).min(1)]),
  }),
])

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

type Issue = { readonly path: (string | number)[]; readonly message: string }

/** What of an input of numbers fits nothing else that is said of it. */
function valuesFaults(input: ValuesSpec, path: readonly string[]): Issue[] {
  const last = input.shape.at(-1)!
  const uneven = (['mean', 'scale', 'names'] as const).filter((field) => {
    const given = input[field]
    return Array.isArray(given) && given.length !== last
  })
  return uneven.map((field) => ({ path: [...path, field], message: `must have ${last} entries` }))
}

/** What `surgeon.json` beside a model says: how to make its input from a message and how to read its output. */
export const manifestSchema = z
  .strictObject({
    $schema: z.string().optional(),
    /** Name shown to people and used in topics. */
    name,
    /** The one input that messages hold. */
    input: z.discriminatedUnion('kind', [pictureSchema, valuesSchema]).optional(),
    /** Instead, or beside it: inputs by their names in the file. */
    inputs: z.record(name, namedInputSchema).optional(),
    /** Which output is which input of the same publisher's next message; zeros at first. */
    state: z.record(name, name).optional(),
    output: z.discriminatedUnion('kind', [classesSchema, boxesSchema, valuesOutputSchema, textSchema]),
  })
  .superRefine(({ input, inputs = {}, state = {}, output }, context) => {
    const add = ({ path, message }: Issue) => context.addIssue({ code: 'custom', path, message })
    const given = Object.entries(inputs).filter(([, each]) => 'shape' in each)
    if ((input === undefined) === (given.length === 0))
      add({ path: ['input'], message: 'must be given, or inputs with shapes instead, and not both' })
    for (const [key, each] of Object.entries(inputs))
      if ('shape' in each) for (const fault of valuesFaults(each, ['inputs', key])) add(fault)
    for (const key of Object.keys(state))
      if (Object.hasOwn(inputs, key))
        add({ path: ['inputs', key], message: 'must not be given, it is state' })
    if (input !== undefined && input.kind !== 'values') return
    if (output.kind === 'boxes') add({ path: ['output', 'kind'], message: 'must not be boxes of numbers' })
    if (input !== undefined) for (const fault of valuesFaults(input, ['input'])) add(fault)
  })
  .transform(({ input, inputs = {}, ...rest }): Manifest => {
    const given = Object.entries(inputs)
    const fixed = given.flatMap(([key, each]) => ('value' in each ? [[key, each.value] as const] : []))
    const named = given.flatMap(([key, each]) => ('shape' in each ? [[key, each] as const] : []))
    return {
      ...rest,
      input: input ?? { kind: 'named', inputs: Object.fromEntries(named) },
      ...(fixed.length > 0 && { fixed: Object.fromEntries(fixed) }),
    }
  })

/** How a message's numbers become a tensor. */
export type ValuesSpec = Omit<z.infer<typeof valuesSchema>, 'kind'>

/** Several inputs of numbers, by their names in the model's file. */
export interface NamedInputs {
  readonly kind: 'named'
  readonly inputs: Readonly<Record<string, ValuesSpec>>
}

export interface Manifest {
  readonly $schema?: string | undefined
  readonly name: string
  readonly input: PictureInput | ValuesInput | NamedInputs
  /** Inputs that are constants of the model, by name. */
  readonly fixed?: Readonly<Record<string, number | readonly number[]>>
  /** Name of the output by the name of the input that it is next. */
  readonly state?: Readonly<Record<string, string>> | undefined
  readonly output:
    | ClassesOutput
    | z.infer<typeof boxesSchema>
    | z.infer<typeof valuesOutputSchema>
    | z.infer<typeof textSchema>
}

export type PictureInput = z.infer<typeof pictureSchema>
export type ValuesInput = z.infer<typeof valuesSchema>
export type OutputSpec = Manifest['output']
export type ClassesOutput = z.infer<typeof classesSchema>

/** How a picture becomes the input; undefined where numbers do. */
export function pictureOf({ input }: Pick<Manifest, 'input'>): PictureInput | undefined {
  return input.kind === 'values' || input.kind === 'named' ? undefined : input
}

/** @throws {TypeError} where the model takes numbers: what needs pictures says so. */
export function requirePicture({ name, input }: Pick<Manifest, 'name' | 'input'>): PictureInput {
  const picture = pictureOf({ input })
  if (picture !== undefined) return picture
  throw new TypeError(`Cannot use pictures with model ${name}: its input must be a picture, it is numbers`)
}

/** Channels of the tensor that a picture becomes. */
export function channelsOf({ channels }: PictureInput): 1 | 3 {
  return channels === 'grey' ? 1 : 3
}

/** The manifest with class names from a file beside it. */
export function withLabels(manifest: Manifest, labels: string): Manifest {
  return 'topK' in manifest.output ? { ...manifest, output: { ...manifest.output, labels } } : manifest
}
