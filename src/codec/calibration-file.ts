import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { writeWhole } from '../files/write-whole.ts'

const share = z.number().min(0).max(1)

export const calibrationRowSchema = z.strictObject({
  wound: z.string(),
  /** Of wound `local`, where nothing crosses, the precision in which the whole model is computed on the edge. */
  codec: z.string(),
  /** How many it was measured on, where not on those of the other rows. */
  images: z.int().min(1).optional(),
  /** Of a precision: the processor's that computed in it, as `process.arch` has it. */
  architecture: z.string().optional(),
  /** Payload of all crossing tensors, without frames. */
  bytesMean: z.number().min(0),
  bytesP95: z.number().min(0),
  /** Share of images whose best class is that of the whole model without codec, on images it was not fitted to. */
  agreement: share,
  /** Lower end of the 95 % Wilson interval of `agreement`. */
  agreementLower: share,
  /** Mean divergence of the output from that of the whole model, nats. */
  klDivergence: z.number().min(0),
  /**
   * Mean, and mean square, over all images of what a changed answer loses: the whole model's probability of its own
   * answer less that of the new one; 0 where the answer is the same.
   */
  changeLoss: share,
  changeLossSquare: share,
  /** With labels: share of images named rightly, and how many the codec turned from right to wrong and back. */
  accuracy: share.optional(),
  lost: z.int().min(0).optional(),
  won: z.int().min(0).optional(),
  encodeMs: z.number().min(0),
  decodeMs: z.number().min(0),
})

export type CalibrationRow = z.infer<typeof calibrationRowSchema>

/** Raised whenever older parameters would not be understood. */
export const calibrationVersion = 3

const side = z.int().min(1).max(4096)

export const calibrationSchema = z.strictObject({
  version: z.literal(calibrationVersion),
  /** `Model.hash` of the model it was measured on. */
  model: z.string(),
  images: z.int().min(1),
  /** Accuracy of the whole model, with labels. */
  accuracy: share.optional(),
  /** Of each wound those rows than which no other is better in bytes, agreement and divergence. */
  rows: z.array(calibrationRowSchema),
  /** What `klt` codecs need: see `KltParameters`; `data` is `packKlt`'s block in base64. */
  transforms: z.array(
    z.strictObject({
      wound: z.string(),
      tensor: z.string(),
      channels: side,
      height: side,
      width: side,
      tileHeight: z.int().min(1).max(32),
      tileWidth: z.int().min(1).max(32),
      kept: side,
      data: z.base64(),
    }),
  ),
})

export type Calibration = z.infer<typeof calibrationSchema>

/**
 * The calibration in a file, or undefined where there is none.
 * @throws {TypeError} where it is not a calibration of the model with that hash.
 */
export async function loadCalibration(path: string, modelHash: string): Promise<Calibration | undefined> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  const json = parseJson(text, path)
  const versioned = z.looseObject({ version: z.number() }).safeParse(json)
  if (versioned.success && versioned.data.version !== calibrationVersion) {
    throw new TypeError(
      `Cannot use calibration ${path}: version must be ${calibrationVersion}, current value is ${versioned.data.version}; run surgeon calibrate again`,
    )
  }
  const parsed = calibrationSchema.safeParse(json)
  if (!parsed.success) {
    throw new TypeError(`Cannot read calibration ${path}: ${z.prettifyError(parsed.error)}`)
  }
  if (parsed.data.model !== modelHash) {
    throw new TypeError(
      `Cannot use calibration ${path}: model must be ${modelHash}, current value is ${parsed.data.model}; run surgeon calibrate again`,
    )
  }
  return parsed.data
}

function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new TypeError(`Cannot read calibration ${path}: it must be JSON`, { cause })
  }
}

/** Writes it whole or not at all, one row a line. */
export async function saveCalibration(path: string, calibration: Calibration): Promise<void> {
  const { rows, transforms, ...head } = calibration
  const list = (items: readonly unknown[]) =>
    `[\n${items.map((item) => `    ${JSON.stringify(item)}`).join(',\n')}\n  ]`
  const lines = Object.entries(head).map(
    ([key, value]) => `  ${JSON.stringify(key)}: ${JSON.stringify(value)}`,
  )
  lines.push(`  "rows": ${list(rows)}`, `  "transforms": ${list(transforms)}`)
  await writeWhole(path, `{\n${lines.join(',\n')}\n}\n`)
}
