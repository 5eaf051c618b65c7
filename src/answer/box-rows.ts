import type { TensorValue } from '../tensor/tensor-value.ts'
import type { BoxesSpec } from './answer-spec.ts'
import { suppress } from './suppress.ts'

/** Of YOLOX's three grids: pixels of a cell. */
const yoloxStrides = [8, 16, 32] as const

/** What one candidate is, in the model's own coordinates. */
type Take = (x1: number, y1: number, x2: number, y2: number, score: number, label: number) => void

/**
 * Boxes of a detector's outputs, rows of x1, y1, x2, y2 in pixels of the model's input, score and class, best first,
 * after suppression (what suppressed within the model has no more to drop). Time is that of one look at each place, and
 * at its classes where its objectness reaches the threshold.
 * @throws {TypeError} for outputs of another shape than the layout has.
 */
export function boxRows(spec: BoxesSpec, outputs: readonly TensorValue[]): Float32Array<ArrayBuffer> {
  const candidates: number[] = []
  const [across, down] = spec.coordinates === 'normalised' ? [spec.width, spec.height] : [1, 1]
  const take: Take = (x1, y1, x2, y2, score, label) => {
    if (score >= spec.score) candidates.push(x1 * across, y1 * down, x2 * across, y2 * down, score, label)
  }
  readers[spec.layout](spec, outputs, take)
  return suppress(candidates, spec.overlap, spec.most)
}

type Reader = (spec: BoxesSpec, outputs: readonly TensorValue[], take: Take) => void

const readers: Readonly<Record<BoxesSpec['layout'], Reader>> = {
  yolov5: (spec, [output], take) => {
    eachPlace(spec, output!, (cx, cy, w, h, score, label) => centred(take, cx, cy, w, h, score, label))
  },

  yolox: (spec, [output], take) => {
    const grids = yoloxStrides.map((stride) => ({
      stride,
      columns: Math.floor(spec.width / stride),
      rows: Math.floor(spec.height / stride),
    }))
    const starts: number[] = []
    let places = 0
    for (const { columns, rows } of grids) {
      starts.push(places)
      places += columns * rows
    }
    const { shape } = output!
    if (shape.at(-2) !== places) throw misfit('yolox', `[${places}, 5 + classes]`, shape)
    eachPlace(spec, output!, (x, y, w, h, score, label, place) => {
      const g = starts.findLastIndex((start) => start <= place)
      const { stride, columns } = grids[g]!
      const cell = place - starts[g]!
      const cx = (x + (cell % columns)) * stride
      const cy = (y + Math.floor(cell / columns)) * stride
      centred(take, cx, cy, Math.exp(w) * stride, Math.exp(h) * stride, score, label)
    })
  },

  yolov8: (spec, [output], take) => {
    const { shape, data } = output!
    const [rows = 0, places = 0] = shape.slice(-2)
    if (rows < 5) throw misfit('yolov8', '[4 + classes, places]', shape)
    const least = spec.logits ? logit(spec.score) : spec.score
    for (let place = 0; place < places; place++) {
      const at = (row: number) => data[row * places + place]!
      let best = 4 + spec.background
      for (let row = best + 1; row < rows; row++) if (at(row) > at(best)) best = row
      if (at(best) >= least) centred(take, at(0), at(1), at(2), at(3), probability(spec, at(best)), best - 4)
    }
  },

  rows: (_, [output], take) => {
    const { shape, data } = output!
    if (shape.at(-1) !== 6) throw misfit('rows', '[boxes, 6]', shape)
    for (let i = 0; i < data.length; i += 6)
      take(data[i]!, data[i + 1]!, data[i + 2]!, data[i + 3]!, data[i + 4]!, data[i + 5]!)
  },

  ssd: (spec, [boxes, scores], take) => {
    const classes = scores!.shape.at(-1)!
    const places = scores!.data.length / classes
    if (boxes!.data.length !== 4 * places) throw misfit('ssd', `[${places}, 4]`, boxes!.shape)
    const { data } = scores!
    for (let place = 0; place < places; place++) {
      for (let label = spec.background; label < classes; label++) {
        const score = probability(spec, data[place * classes + label]!)
        if (score < spec.score) continue
        const [x1, y1, x2, y2] = boxes!.data.subarray(4 * place, 4 * place + 4)
        take(x1!, y1!, x2!, y2!, score, label)
      }
    }
  },

  detections: (_, [boxes, classes, scores], take) => {
    const count = scores!.data.length
    if (boxes!.data.length !== 4 * count || classes!.data.length !== count)
      throw misfit('detections', `[${count}, 4]`, boxes!.shape)
    for (let i = 0; i < count; i++) {
      const [y1, x1, y2, x2] = boxes!.data.subarray(4 * i, 4 * i + 4)
      take(x1!, y1!, x2!, y2!, scores!.data[i]!, classes!.data[i]!)
    }
  },
}

/** Places [places, 5 + classes] whose score reaches the threshold; most are left out by their objectness alone. */
function eachPlace(
  spec: BoxesSpec,
  { shape, data }: TensorValue,
  take: (x: number, y: number, w: number, h: number, score: number, label: number, place: number) => void,
): void {
  const width = shape.at(-1)!
  if (width < 6) throw misfit(spec.layout, '[places, 5 + classes]', shape)
  for (let place = 0, start = 0; start < data.length; place++, start += width) {
    const objectness = probability(spec, data[start + 4]!)
    if (objectness < spec.score) continue
    let best = start + 5 + spec.background
    for (let i = best + 1; i < start + width; i++) if (data[i]! > data[best]!) best = i
    const score = objectness * probability(spec, data[best]!)
    const label = best - start - 5
    take(data[start]!, data[start + 1]!, data[start + 2]!, data[start + 3]!, score, label, place)
  }
}

function centred(take: Take, cx: number, cy: number, w: number, h: number, score: number, label: number) {
  take(cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2, score, label)
}

function probability({ logits }: BoxesSpec, value: number): number {
  return logits ? 1 / (1 + Math.exp(-value)) : value
}

function logit(share: number): number {
  return Math.log(share / (1 - share))
}

function misfit(layout: string, wanted: string, shape: readonly number[]): TypeError {
  return new TypeError(
    `Cannot read boxes: an output in layout ${layout} must be ${wanted}, current shape is [${shape.join(', ')}]`,
  )
}
