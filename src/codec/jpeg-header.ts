/**
 * A JPEG's header, read by itself: asking the picture library costs a trip through its threads, a thousand times as long
 * as this. ITU T.81 B.2 (markers), Exif 2.32 4.6 (orientation). O(markers before the first scan).
 */
export interface JpegHeader {
  /** As stored. */
  readonly width: number
  readonly height: number
  /** Components of a pixel: 1 grey, 3 colours, 4 printing colours. */
  readonly channels: number
  /** Several scans make the picture, so that a decoder holds all coefficients until the last one. */
  readonly isHeldWhole: boolean
  /** 1 to 8, from 5 on with width and height exchanged. */
  readonly orientation: number
}

const markers = { baseline: 0xc0, extended: 0xc1, progressive: 0xc2, scan: 0xda, exif: 0xe1 } as const
/** Huffman tables, arithmetic conditioning and the JPEG extension: in the range of frames and none. */
const notFrames = new Set([0xc4, 0xc8, 0xcc])

/** @returns undefined where it is none that is understood here: another kind of frame, other depths, damage. */
export function readJpegHeader(bytes: Uint8Array): JpegHeader | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let frame: Omit<JpegHeader, 'orientation'> | undefined
  let orientation: number | undefined
  let at = 2
  for (;;) {
    // Any number of fill bytes may stand before a marker.
    while (bytes[at] === 0xff && bytes[at + 1] === 0xff) at += 1
    if (bytes[at] !== 0xff || at + 4 > bytes.length) return undefined
    const marker = bytes[at + 1]!
    const [begin, end] = [at + 4, at + 2 + view.getUint16(at + 2)]
    if (end < begin || end > bytes.length) return undefined
    if (marker === markers.scan) {
      if (frame === undefined) return undefined
      // Also one scan a component makes the decoder hold what the others have said.
      const isHeldWhole = frame.isHeldWhole || bytes[begin] !== frame.channels
      return { ...frame, isHeldWhole, orientation: orientation ?? 1 }
    }
    if (marker === markers.exif) orientation ??= exifOrientation(bytes.subarray(begin, end))
    else if (marker >= markers.baseline && marker <= 0xcf && !notFrames.has(marker)) {
      // Two frames, as no camera makes them, are for the library to judge.
      if (frame !== undefined) return undefined
      frame = readFrame(view, marker, begin, end)
      if (frame === undefined) return undefined
    }
    at = end
  }
}

function readFrame(
  view: DataView,
  marker: number,
  begin: number,
  end: number,
): Omit<JpegHeader, 'orientation'> | undefined {
  if (marker > markers.progressive || end - begin < 6) return undefined
  const precision = view.getUint8(begin)
  const [height, width] = [view.getUint16(begin + 1), view.getUint16(begin + 3)]
  const channels = view.getUint8(begin + 5)
  const isKnown =
    precision === 8 && width > 0 && height > 0 && channels > 0 && end === begin + 6 + 3 * channels
  return isKnown ? { width, height, channels, isHeldWhole: marker === markers.progressive } : undefined
}

const orientationTag = 0x0112

/** @returns undefined where the segment is not Exif, or says nothing of it. */
function exifOrientation(segment: Uint8Array): number | undefined {
  if (Buffer.from(segment.subarray(0, 6)).toString('latin1') !== 'Exif\0\0') return undefined
  const tiff = new DataView(segment.buffer, segment.byteOffset + 6, segment.byteLength - 6)
  if (tiff.byteLength < 8) return undefined
  const little = tiff.getUint16(0) === 0x4949
  const directory = tiff.getUint32(4, little)
  if (directory + 2 > tiff.byteLength) return undefined
  const entries = tiff.getUint16(directory, little)
  for (let i = 0, at = directory + 2; i < entries && at + 12 <= tiff.byteLength; i++, at += 12) {
    if (tiff.getUint16(at, little) !== orientationTag) continue
    const value = tiff.getUint16(at + 8, little)
    return value >= 1 && value <= 8 ? value : undefined
  }
  return undefined
}
