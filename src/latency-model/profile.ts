import { z } from 'zod'
import { engineNames, type Precision, precisions } from '../executor/engine.ts'

/** An hour is more than anything here takes: a file that says so is damaged. */
const duration = z.number().min(0).max(3_600_000)

const segmentTimes = z.strictObject({
  /** Candidate wounds at which the segment begins and ends. */
  from: z.string(),
  to: z.string(),
  operations: z.number().nonnegative(),
  /** Median and median absolute deviation over the measured runs, milliseconds. */
  medianMs: duration,
  madMs: duration,
  runs: z.int().min(1),
})

/**
 * What one machine was measured to take for a model: the segments between candidate wounds in order, and the codecs at
 * each wound. Kept as JSON in the state directory, so that a restart plans from the first request on.
 */
export const profileSchema = z.strictObject({
  version: z.literal(2),
  modelHash: z.string(),
  engine: z.enum(engineNames),
  /** Absent in older profiles. */
  engineVersion: z.string().optional(),
  threads: z.int().min(1),
  /** The emulated slowness it was measured under; 1 outside the lab. */
  slowdown: z.number().min(1),
  /** And that of its other work; 1 where absent. */
  workSlowdown: z.number().min(1).optional(),
  /** Of the machine: a profile moved to another one is not believed. */
  machine: z.string(),
  measuredAt: z.iso.datetime(),
  segments: z
    .array(segmentTimes)
    .refine(
      (segments) => segments.length === 0 || segments.some(({ medianMs }) => medianMs > 0),
      'must take some time',
    ),
  /**
   * The same segments in another precision, where the calibration has it within what may be lost; none where it was tried
   * and cannot be used on this machine.
   */
  int8: z.array(segmentTimes).optional(),
  fp16: z.array(segmentTimes).optional(),
  /** Milliseconds to encode what crosses at a wound, and the bytes of it. */
  codecs: z.array(
    z.strictObject({
      wound: z.string(),
      codec: z.string(),
      encodeMs: duration,
      bytes: z.number().nonnegative(),
    }),
  ),
})

export type Profile = z.infer<typeof profileSchema>

/** Milliseconds from the input to the wound; all of it for `local`. */
export function headMs(profile: Profile, wound: string): number {
  if (wound === 'input') return 0
  const end = profile.segments.findIndex((segment) => segment.to === wound)
  if (end < 0) throw new RangeError(`Cannot tell the head's time: the profile has no wound ${wound}`)
  return segmentsMs(profile, 0, end + 1)
}

/** Milliseconds of the segments from one place in the chain to another. */
export function segmentsMs(
  profile: Profile,
  from: number,
  to: number,
  precision: Precision = 'float32',
): number {
  return timesIn(profile, precision)
    .slice(from, to)
    .reduce((sum, segment) => sum + segment.medianMs, 0)
}

function timesIn(profile: Profile, precision: Precision): Profile['segments'] {
  return precision === 'float32' ? profile.segments : (profile[precision] ?? [])
}

/** Milliseconds of the whole model in float32, segment by segment. */
export function wholeMs(profile: Profile): number {
  return segmentsMs(profile, 0, profile.segments.length)
}

/** The whole model as it is computed where nothing crosses: in the precision that is the fastest here. */
export function fastestWhole(profile: Profile): { readonly precision: Precision; readonly ms: number } {
  const end = profile.segments.length
  return precisions
    .filter((precision) => precision === 'float32' || timesIn(profile, precision).length > 0)
    .map((precision) => ({ precision, ms: segmentsMs(profile, 0, end, precision) }))
    .reduce((fastest, next) => (next.ms < fastest.ms ? next : fastest))
}
