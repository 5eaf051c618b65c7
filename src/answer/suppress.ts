/** Numbers of a candidate: x1, y1, x2, y2, score, class. */
const width = 6

/**
 * Greedy non-maximum suppression within each class: from the best score on, a box is kept unless it shares more than
 * `overlap` with a better one that was kept. Equal scores keep their order. O(candidates x kept).
 * @param candidates Rows of x1, y1, x2, y2, score and class.
 * @returns At most `most` rows, best first.
 */
export function suppress(
  candidates: readonly number[],
  overlap: number,
  most: number,
): Float32Array<ArrayBuffer> {
  const count = candidates.length / width
  const order = Array.from({ length: count }, (_, i) => i * width).toSorted(
    (a, b) => candidates[b + 4]! - candidates[a + 4]!,
  )
  const kept: number[] = []
  for (const start of order) {
    if (kept.length === most) break
    if (kept.every((other) => !isSame(candidates, start, other, overlap))) kept.push(start)
  }
  return new Float32Array(kept.flatMap((start) => candidates.slice(start, start + width)))
}

function isSame(rows: readonly number[], a: number, b: number, overlap: number): boolean {
  if (rows[a + 5] !== rows[b + 5]) return false
  const across = Math.min(rows[a + 2]!, rows[b + 2]!) - Math.max(rows[a]!, rows[b]!)
  const down = Math.min(rows[a + 3]!, rows[b + 3]!) - Math.max(rows[a + 1]!, rows[b + 1]!)
  if (across <= 0 || down <= 0) return false
  const shared = across * down
  return shared > overlap * (area(rows, a) + area(rows, b) - shared)
}

function area(rows: readonly number[], at: number): number {
  return (rows[at + 2]! - rows[at]!) * (rows[at + 3]! - rows[at + 1]!)
}
