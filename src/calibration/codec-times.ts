import { median } from 'simple-statistics'

export interface CodecTimes {
  readonly encodeMs: number
  readonly decodeMs: number
}

/** One picture's or map's encoding, and the decoding of what it gave. */
export type CodecSample<Encoded> = {
  readonly encode: () => Encoded | Promise<Encoded>
  readonly decode: (encoded: Encoded) => unknown
}

/** Of so many pictures or maps the times are taken, this often each and for this long at least. */
const timedSamples = 12
const leastRepeats = 5
const leastMs = 200

/**
 * What encoding and decoding take: the lowest of several times for each sample, because whatever else is at work on the machine
 * only adds to them, and the median over the samples. All samples take turns, so that no busy moment falls on all times of one.
 */
export async function codecTimes<Encoded>(
  samples: readonly CodecSample<Encoded>[],
  now = () => performance.now(),
): Promise<CodecTimes> {
  const lowest = samples.map(() => ({ encodeMs: Infinity, decodeMs: Infinity }))
  const startMs = now()
  for (let repeat = 0; repeat < leastRepeats || now() - startMs < leastMs; repeat++) {
    for (const [i, { encode, decode }] of samples.entries()) {
      const beginMs = now()
      const encoded = await encode()
      const encodedMs = now()
      await decode(encoded)
      const times = lowest[i]!
      times.decodeMs = Math.min(times.decodeMs, now() - encodedMs)
      times.encodeMs = Math.min(times.encodeMs, encodedMs - beginMs)
    }
  }
  return {
    encodeMs: median(lowest.map(({ encodeMs }) => encodeMs)),
    decodeMs: median(lowest.map(({ decodeMs }) => decodeMs)),
  }
}

/** So many of the items, evenly spread. */
export function spread<Item>(items: readonly Item[], count = timedSamples): Item[] {
  const taken = Math.min(items.length, count)
  return Array.from({ length: taken }, (_, i) => items[Math.floor((i * items.length) / taken)]!)
}
