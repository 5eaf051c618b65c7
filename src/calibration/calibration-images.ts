import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { UsageError } from '../terminal/usage-error.ts'
import type { CalibrationImage } from './calibration-image.ts'

/**
 * The pictures of a folder in the order of their names, with the classes that a file gives: a line is a file name, a
 * tab and the index of its class. @throws {UsageError} for a class that is none, or a folder without pictures.
 */
export async function calibrationImages(
  directory: string,
  labelsFile: string | undefined,
  limit: number,
): Promise<CalibrationImage[]> {
  const labels = labelsFile === undefined ? undefined : await readLabels(labelsFile)
  const names = (await readdir(directory)).filter((name) => /\.(jpe?g|png|webp)$/i.test(name)).toSorted()
  const used = labels === undefined ? names : names.filter((name) => labels.has(name))
  if (used.length === 0) {
    throw new UsageError(
      `--images must be a folder of JPEG, PNG or WebP files${labels ? ' that --labels names' : ''}, current value is ${directory}`,
    )
  }
  return used.slice(0, limit).map((name) => {
    const label = labels?.get(name)
    return { name, read: () => readFile(join(directory, name)), ...(label === undefined ? {} : { label }) }
  })
}

async function readLabels(path: string): Promise<Map<string, number>> {
  const labels = new Map<string, number>()
  for (const [i, line] of (await readFile(path, 'utf8')).split(/\r?\n/).entries()) {
    if (line.trim() === '') continue
    const [name, text] = line.split('\t')
    const label = Number(text)
    // A heading may come first.
    if (text === undefined || !Number.isInteger(label) || label < 0) {
      if (i === 0) continue
      throw new UsageError(
        `--labels: line ${i + 1} of ${path} must be a file name, a tab and the index of its class, current value is "${line}"`,
      )
    }
    labels.set(name!, label)
  }
  return labels
}
