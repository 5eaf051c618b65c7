import { readdir } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import sharp from 'sharp'

const bundledPhotos = fileURLToPath(new URL('../../../photos/', import.meta.url))

export interface FrameSize {
  readonly width: number
  readonly height: number
}

/** What the camera delivers. */
const frameSize: FrameSize = { width: 320, height: 240 }
const quality = 85

export interface CameraFrame {
  readonly photo: string
  /** JPEG. */
  readonly bytes: Uint8Array
}

/**
 * Frames of a camera that pans over the bundled photos: each is another crop, so that no two are equal and no cache can
 * answer. Deterministic, so that every policy sees the same ones.
 */
export async function cameraFrames(
  count: number,
  directory: string = bundledPhotos,
  size: FrameSize = frameSize,
): Promise<CameraFrame[]> {
  const photos = (await readdir(directory)).filter((file) => file.endsWith('.jpg')).toSorted()
  const sizes = await Promise.all(photos.map((file) => sharp(join(directory, file)).metadata()))
  return Promise.all(
    Array.from({ length: count }, async (_, i): Promise<CameraFrame> => {
      const file = photos[i % photos.length]!
      const { width, height } = sizes[i % photos.length]!
      // The largest window of the frame's shape, less a margin in which it wanders.
      const scale = 0.85 * Math.min(width / size.width, height / size.height)
      const crop = { width: Math.floor(scale * size.width), height: Math.floor(scale * size.height) }
      const phase = (2 * Math.PI * i) / count
      const left = Math.round((width - crop.width) * (0.5 + 0.5 * Math.sin(3 * phase)))
      const top = Math.round((height - crop.height) * (0.5 + 0.5 * Math.cos(2 * phase)))
      const bytes = await sharp(join(directory, file))
        .extract({ left, top, ...crop })
        .resize(size.width, size.height)
        .jpeg({ quality })
        .toBuffer()
      return { photo: basename(file, '.jpg'), bytes: new Uint8Array(bytes) }
    }),
  )
}
