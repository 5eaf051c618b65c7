import { z } from 'zod'

const triple = z.tuple([z.number(), z.number(), z.number()])

/** What `surgeon.json` beside a model says: how to make its input from a picture and how to read its output. */
export const manifestSchema = z.strictObject({
  /** Name shown to people and used in topics. */
  name: z.string().min(1),
  input: z.strictObject({
    /** Pixels. */
    width: z.int().min(1).max(4096),
    height: z.int().min(1).max(4096),
    channels: z.enum(['rgb', 'bgr']).default('rgb'),
    /** value = (pixel 0..255 - mean) / scale, per channel in the order of `channels`. */
    mean: triple,
    scale: triple,
  }),
  output: z.strictObject({
    /** `softmax`: the model ends in probabilities; `logits`: softmax is applied to what it gives. */
    kind: z.enum(['softmax', 'logits']),
    /** File beside the manifest: a JSON array of class names. */
    labels: z.string().optional(),
    /** How many of the best classes an answer names. */
    topK: z.int().min(1).max(100).default(5),
  }),
})

export type Manifest = z.infer<typeof manifestSchema>
