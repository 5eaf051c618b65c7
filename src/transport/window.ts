/** What is in the socket cannot be recalled, so that a result may wait so long behind it. */
const windowMs = 150
/** In flight on a link that nobody has measured yet, and on any other at most. */
const mostWindowBytes = 128 * 1024
/**
 * While one chunk crosses, the acknowledgement of the one before comes back, so that the link is never idle between them,
 * also where it turns out to be a little slower, and the window smaller, than when the frame was cut.
 */
const chunksInFlight = 3
/** Header, topic and properties of a chunk are some 150 bytes. */
const leastChunkBytes = 4 * 1024
/** A link that may be slow. */
const usualChunkBytes = 32 * 1024
/** A larger chunk crosses in so many milliseconds: each costs broker and receiver about as much as its bytes do. */
const chunkMs = 20
/** A frame of so many chunks is not divided: that would cost more than it frees. */
export const undividedChunks = 1.5
/** Topic and properties of a chunk with a long prefix. */
const packetHeaderBytes = 512
/** What the chunks' own headers take of the window. */
const headersBytes = 64
/** A link that is believed to be slow must be able to show that it is not. */
const leastWindowBytes = 2 * (leastChunkBytes + headersBytes)

/** Payload that may be unacknowledged over an uplink of that speed, in bits per second; undefined where it is not known. */
export function windowBytesFor(uplinkBps: number | undefined, mostBytes = mostWindowBytes): number {
  return uplinkBps === undefined
    ? mostBytes
    : Math.min(mostBytes, Math.max(leastWindowBytes, (uplinkBps / 8000) * windowMs))
}

/**
 * What one chunk of a transfer holds: a small message waits behind one of them.
 * @param isAlone nothing waits behind this one, so that many chunks would only be more bytes
 * @param packetBytes the most that the broker takes
 */
export function chunkBytesFor(
  uplinkBps: number | undefined,
  mostBytes?: number,
  isAlone = false,
  packetBytes = Number.POSITIVE_INFINITY,
): number {
  const windowBytes = windowBytesFor(uplinkBps, mostBytes)
  const share = uplinkBps === undefined ? windowBytes : windowBytes / chunksInFlight - headersBytes
  const crossingBytes = ((uplinkBps ?? 0) / 8000) * chunkMs
  const wantedBytes = Math.max(
    isAlone ? usualChunkBytes : leastChunkBytes,
    Math.min(share, usualChunkBytes),
    Math.min(windowBytes, crossingBytes),
  )
  const fittingBytes = Math.max(packetHeaderBytes, packetBytes - packetHeaderBytes) / undividedChunks
  return Math.floor(Math.min(wantedBytes, fittingBytes))
}
