/** What is in the socket cannot be recalled, so that a result may wait so long behind it. */
const windowMs = 150
/** In flight on a link that nobody has measured yet, and on any other at most. */
const mostWindowBytes = 128 * 1024
/** Header, topic and properties of a chunk are some 150 bytes. */
const leastChunkBytes = 4 * 1024
const mostChunkBytes = 32 * 1024

/** Payload that may be unacknowledged over an uplink of that speed, in bits per second; undefined where it is not known. */
export function windowBytesFor(uplinkBps: number | undefined, mostBytes = mostWindowBytes): number {
  return uplinkBps === undefined ? mostBytes : Math.min(mostBytes, (uplinkBps / 8000) * windowMs)
}

/** What one chunk of a transfer holds: a small message waits behind one of them. */
export function chunkBytesFor(windowBytes: number): number {
  return Math.max(leastChunkBytes, Math.min(Math.floor(windowBytes), mostChunkBytes))
}
