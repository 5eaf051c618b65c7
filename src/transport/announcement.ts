import { z } from 'zod'

/**
 * An announcement is published again after so many milliseconds at the latest, and brokers drop it after three times as
 * long: of a worker that lost its power no will is ever sent.
 */
export const announcementRenewMs = 10_000

/** A week: longer than any tail takes, and far from where sums of times lose their meaning. */
const longestMs = 7 * 24 * 3_600_000
const time = z.number().min(0).max(longestMs)

/** What a worker says of itself, retained on its state topic, which names it; its last will clears it. */
const announcementSchema = z.object({
  /** Those it serves; none while it is stopping. */
  models: z
    .array(
      z.object({
        name: z.string(),
        hash: z.string(),
        /** Where its weights were made up: its answers mean nothing. */
        weights: z.literal('random').optional(),
        /** Which engine was asked for, which one computes, on what besides the CPU, and why another does. */
        engine: z
          .object({
            configured: z.string(),
            used: z.string(),
            provider: z.string().optional(),
            reason: z.string().optional(),
          })
          .optional(),
        /** Wounds whose tail is loaded, with the milliseconds that it takes; at `input` with decoding a picture. */
        wounds: z.array(z.object({ id: z.string(), tailMs: time })).max(512),
        /** What of `input`'s milliseconds is decoding a picture: a raw one does not need them. */
        pictureMs: time.default(0),
        /** Milliseconds a request that comes now waits before it is begun. */
        queueMs: time,
      }),
    )
    .max(64),
  /** Models of its configuration that it does not serve, and why. */
  leftOut: z.array(z.object({ model: z.string(), reason: z.string() })).default([]),
  /** Of the worker's program; absent before 0.2. */
  version: z.string().max(64).optional(),
  /** Bytes of all requests that are there. */
  waitingBytes: z.number().nonnegative().default(0),
})

export type Announcement = z.infer<typeof announcementSchema>

/** A worker's own has some kilobytes; who sends more is not read. */
const maxBytes = 256 * 1024

/**
 * The announcement in a retained message; undefined for an empty one, which means that the worker is gone.
 * @throws {Error} where it is none, or claims more than any worker has.
 */
export function parseAnnouncement(payload: Uint8Array): Announcement | undefined {
  if (payload.length === 0) return undefined
  if (payload.length > maxBytes)
    throw new RangeError(
      `Cannot read announcement: it must have at most ${maxBytes} bytes, it has ${payload.length}`,
    )
  return announcementSchema.parse(JSON.parse(Buffer.from(payload).toString('utf8')))
}
