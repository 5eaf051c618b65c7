import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { engineNames } from '../../src/executor/engine.ts'

const times = z.array(z.number().min(0).max(3_600_000)).min(2)

/** What one machine takes for a model, run by run; the first of each list is the first run after compiling. */
export const measuredRunsSchema = z.strictObject({
  version: z.literal(1),
  model: z.string(),
  modelHash: z.string(),
  machine: z.string(),
  engine: z.enum(engineNames),
  threads: z.int().min(1),
  measuredAt: z.iso.datetime(),
  /** Milliseconds of the whole model. */
  wholeMs: times,
  /** At each wound between `input` and `local`, each side compiled as one. */
  wounds: z.array(
    z.strictObject({
      id: z.string(),
      /** What crosses, as float32. */
      bytes: z.number().min(0),
      headMs: times,
      tailMs: times,
    }),
  ),
})

export type MeasuredRuns = z.infer<typeof measuredRunsSchema>

/** @throws {Error} where the file has none, or those of another model. */
export async function readMeasuredRuns(path: string, modelHash: string): Promise<MeasuredRuns> {
  const read = measuredRunsSchema.safeParse(JSON.parse(await readFile(path, 'utf8')))
  if (!read.success)
    throw new Error(
      `Cannot read ${path}: it must be what surgeon report --measure writes: ${read.error.message}`,
    )
  if (read.data.modelHash !== modelHash)
    throw new Error(
      `Cannot use ${path}: it must be of the model with hash ${modelHash}, and is of ${read.data.model} with hash ${read.data.modelHash}`,
    )
  return read.data
}
