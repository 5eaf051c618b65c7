import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import sharp from 'sharp'
import type { CalibrationImage } from '../src/calibration/calibration-image.ts'
import { repositoryRoot } from './paths.ts'

/** Twenty crops of the bundled photos, in groups of four. */
export async function crops(): Promise<CalibrationImage[]> {
  const images: CalibrationImage[] = []
  for (const name of ['cat', 'coffee', 'rocket', 'palace', 'flower']) {
    const source = await readFile(fileURLToPath(new URL(`photos/${name}.jpg`, repositoryRoot)))
    for (let i = 0; i < 4; i++) {
      const crop = { left: 20 * i, top: 10 * i, width: 200, height: 200 }
      const bytes = await sharp(source).resize(300, 300, { fit: 'cover' }).extract(crop).jpeg().toBuffer()
      images.push({ name: `${name}-${i}`, read: () => Promise.resolve(bytes), label: i })
    }
  }
  return images
}
