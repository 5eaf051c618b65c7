import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { BoxesSpec } from '../../src/answer/answer-spec.ts'
import { boxRows } from '../../src/answer/box-rows.ts'
import { condense, isCondensed } from '../../src/answer/condense.ts'
import { suppress } from '../../src/answer/suppress.ts'
import type { TensorValue } from '../../src/tensor/tensor-value.ts'

const spec: BoxesSpec = {
  kind: 'boxes',
  layout: 'yolov5',
  score: 0.3,
  overlap: 0.45,
  most: 100,
  coordinates: 'pixels',
  logits: false,
  background: 0,
  width: 64,
  height: 32,
  outputs: [0],
}
const tensor = (shape: readonly number[], values: readonly number[]): TensorValue => ({
  shape,
  data: Float32Array.from(values),
})
const rounded = (rows: Float32Array) => [...rows].map((value) => Math.round(value * 100) / 100)

describe('boxRows', () => {
  it('reads the same two boxes in every layout', () => {
    const wanted = [10, 4, 30, 12, 0.9, 1, 2, 2, 6, 10, 0.5, 0]
    const v8 = [20, 4, 50, 8, 6, 10, 20, 4, 5, 8, 8, 2, 0.1, 0.5, 0.2, 0.9, 0.1, 0.05]
    const ssdBoxes = tensor([1, 2, 4], [10, 4, 30, 12, 2, 2, 6, 10])
    const layouts: readonly [Partial<BoxesSpec>, readonly TensorValue[]][] = [
      [{ layout: 'yolov5' }, [tensor([1, 2, 7], [20, 8, 20, 8, 1, 0.1, 0.9, 4, 6, 4, 8, 0.5, 1, 0])]],
      [{ layout: 'yolov8' }, [tensor([1, 6, 3], v8)]],
      [
        { layout: 'rows' },
        [tensor([1, 3, 6], [2, 2, 6, 10, 0.5, 0, 10, 4, 30, 12, 0.9, 1, 1, 1, 2, 2, 0.1, 1])],
      ],
      [{ layout: 'ssd' }, [ssdBoxes, tensor([1, 2, 2], [0, 0.9, 0.5, 0.1])]],
      [
        { layout: 'detections' },
        [tensor([1, 2, 4], [4, 10, 12, 30, 2, 2, 10, 6]), tensor([1, 2], [1, 0]), tensor([1, 2], [0.9, 0.5])],
      ],
    ]
    for (const [change, outputs] of layouts)
      expect(rounded(boxRows({ ...spec, ...change }, outputs))).toEqual(wanted)
    const shares = tensor([1, 1, 7], [20 / 64, 8 / 32, 20 / 64, 8 / 32, 1, 0.1, 0.9])
    expect(rounded(boxRows({ ...spec, coordinates: 'normalised' }, [shares]))).toEqual(wanted.slice(0, 6))
    // Logarithms of odds: 0.5 of 0.5.
    const odds = tensor([1, 1, 7], [20, 8, 20, 8, 0, -9, 0])
    expect(rounded(boxRows({ ...spec, logits: true, score: 0.2 }, [odds]))).toEqual([10, 4, 30, 12, 0.25, 1])
  })

  it('finds the cells of the three grids of YOLOX', () => {
    // 8 x 4 cells of 8 pixels, 4 x 2 of 16, 2 x 1 of 32.
    const places = 32 + 8 + 2
    const data = new Float32Array(places * 6)
    const put = (place: number, values: readonly number[]) => data.set(values, place * 6)
    put(8 + 3, [0.5, 0.5, 0, 0, 1, 0.9])
    put(32 + 4 + 1, [0, 0, Math.log(0.5), 0, 1, 0.8])
    put(41, [0.25, 0.5, 0, Math.log(0.25), 1, 0.7])
    const rows = boxRows({ ...spec, layout: 'yolox' }, [{ shape: [1, places, 6], data }])
    expect(rounded(rows)).toEqual([24, 8, 32, 16, 0.9, 0, 12, 8, 20, 24, 0.8, 0, 24, 12, 56, 20, 0.7, 0])
    expect(() => boxRows({ ...spec, layout: 'yolox' }, [tensor([1, 41, 6], [])])).toThrow(
      /yolox must be \[42, 5 \+ classes\], current shape is \[1, 41, 6\]/,
    )
  })

  it('is condensed to a few rows', () => {
    const outputs = [tensor([1, 1, 7], [20, 8, 20, 8, 1, 0.1, 0.9])]
    const { shape } = condense(spec, outputs)
    expect(shape).toEqual([1, 6])
    expect(isCondensed(spec, shape)).toBe(true)
    expect(isCondensed(spec, [101, 6])).toBe(false)
    expect(isCondensed(spec, [1, 5])).toBe(false)
    expect(isCondensed(spec, [1, 1, 6])).toBe(false)
  })
})

/** As the definition says: strike out what overlaps a better one, again and again. */
function slowSuppress(rows: readonly (readonly number[])[], overlap: number): number[][] {
  const left = rows.map((row, i) => ({ row: [...row], i }))
  const kept: number[][] = []
  while (left.length > 0) {
    left.sort((a, b) => b.row[4]! - a.row[4]! || a.i - b.i)
    const [best] = left.splice(0, 1)
    kept.push(best!.row)
    const stays = left.filter(
      ({ row }) => row[5] !== best!.row[5] || intersectionOverUnion(row, best!.row) <= overlap,
    )
    left.splice(0, left.length, ...stays)
  }
  return kept
}

function intersectionOverUnion(a: readonly number[], b: readonly number[]): number {
  // Whole pixels: counted one by one.
  let shared = 0
  let either = 0
  for (let x = 0; x < 16; x++)
    for (let y = 0; y < 16; y++) {
      const [inA, inB] = [a, b].map(([x1, y1, x2, y2]) => x >= x1! && x < x2! && y >= y1! && y < y2!)
      if (inA && inB) shared++
      if (inA || inB) either++
    }
  return either === 0 ? 0 : shared / either
}

describe('suppress', () => {
  it('keeps what striking out by pixels keeps', () => {
    const place = fc.integer({ min: 0, max: 15 })
    const box = fc
      .tuple(place, place, place, place, fc.integer({ min: 1, max: 8 }), fc.integer({ min: 0, max: 1 }))
      .map(([a, b, c, d, score, label]) => [
        Math.min(a, c),
        Math.min(b, d),
        Math.max(a, c) + 1,
        Math.max(b, d) + 1,
        score / 8,
        label,
      ])
      .map((row) => row.map((value, i) => (i < 4 ? Math.min(16, value) : value)))
    fc.assert(
      fc.property(fc.array(box, { maxLength: 12 }), fc.integer({ min: 0, max: 4 }), (rows, quarter) => {
        const overlap = quarter / 4
        expect([...suppress(rows.flat(), overlap, 100)]).toEqual(slowSuppress(rows, overlap).flat())
      }),
    )
  })
})
