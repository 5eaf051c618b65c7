import sharp from 'sharp'
import type { FoundBox } from '../src/answer/present.ts'
import { escapeMarkup } from '../src/markup/escape-markup.ts'

/** Of the longer side: strokes and letters stay in proportion to the picture. */
const strokeShare = 1 / 250
const letterShare = 1 / 40

/** The picture upright, as PNG, with boxes and their labels drawn over it. */
export async function drawBoxes(picture: Uint8Array, boxes: readonly FoundBox[]): Promise<Buffer> {
  const { data, info } = await sharp(picture).autoOrient().png().toBuffer({ resolveWithObject: true })
  const { width, height } = info
  const longer = Math.max(width, height)
  const stroke = Math.max(1, longer * strokeShare)
  const letters = Math.max(10, longer * letterShare)
  const shapes = boxes.map(({ label, score, box: [x1, y1, x2, y2] }) => {
    const colour = `hsl(${hueOf(label)}, 90%, 45%)`
    const text = `${escapeMarkup(label)} ${score.toFixed(2)}`
    const top = Math.max(letters, y1)
    return `<rect x="${x1}" y="${y1}" width="${x2 - x1}" height="${y2 - y1}" fill="none" stroke="${colour}" stroke-width="${stroke}"/>
<text x="${x1 + stroke}" y="${top - stroke}" font-family="sans-serif" font-size="${letters}" fill="${colour}" stroke="white" stroke-width="${letters / 6}" paint-order="stroke">${text}</text>`
  })
  const drawing = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${shapes.join('\n')}</svg>`
  return sharp(data)
    .composite([{ input: Buffer.from(drawing) }])
    .png()
    .toBuffer()
}

/** The same label has the same colour in every picture. */
function hueOf(label: string): number {
  return Array.from(label).reduce((hash, letter) => (31 * hash + letter.codePointAt(0)!) % 360, 0)
}
