import type { PictureInput } from '../model-graph/manifest.ts'

type Corners = readonly [number, number, number, number]

/**
 * A box in pixels of the model's input, as pixels of the picture that was fitted into it, within its borders: the
 * inverse of cover, contain or stretch.
 */
export function toSentPicture(
  [x1, y1, x2, y2]: Corners,
  { width, height, fit = 'cover', align = 'centre' }: PictureInput,
  sent: { readonly width: number; readonly height: number },
): Corners {
  const [across, down] = [width / sent.width, height / sent.height]
  const both = fit === 'cover' ? Math.max(across, down) : Math.min(across, down)
  const [scaleX, scaleY] = fit === 'stretch' ? [across, down] : [both, both]
  const isAtCorner = fit === 'contain' && align === 'top-left'
  const left = isAtCorner ? 0 : (width - sent.width * scaleX) / 2
  const top = isAtCorner ? 0 : (height - sent.height * scaleY) / 2
  const x = (value: number) => Math.min(sent.width, Math.max(0, (value - left) / scaleX))
  const y = (value: number) => Math.min(sent.height, Math.max(0, (value - top) / scaleY))
  return [x(x1), y(y1), x(x2), y(y2)]
}
