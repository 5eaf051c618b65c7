import { expect, test } from 'vitest'
import type { InputSketch } from '../../src/codec/input-sketch.ts'
import { UnchangedFrames } from '../../src/scheduler/unchanged-frames.ts'

const grey = (...values: number[]): InputSketch => ({ shape: [values.length], data: Uint8Array.from(values) })
const still = grey(100, 100)

function frames(atLeastEveryS = 60): UnchangedFrames<string> {
  return new UnchangedFrames({ difference: 10, atLeastEveryS })
}

/** Compares and, where it is to be computed, answers at once. */
function see(
  unchanged: UnchangedFrames<string>,
  sketch: InputSketch,
  nowMs: number,
  origin = 'porch',
): string {
  const compared = unchanged.compare(origin, sketch, nowMs)
  if (compared.kind === 'unchanged') return `as ${compared.answer}`
  compared.end(`${nowMs}`)
  return 'computed'
}

test('UnchangedFrames reuses the last answer up to the difference, of the same size', () => {
  const unchanged = frames()
  expect(see(unchanged, still, 0)).toBe('computed')
  expect(see(unchanged, grey(110, 90), 1)).toBe('as 0')
  expect(see(unchanged, grey(111, 100), 2)).toBe('computed')
  expect(see(unchanged, grey(111, 100, 100), 3)).toBe('computed')
})

test('UnchangedFrames sees what changes slowly, as it compares with what was computed', () => {
  const unchanged = frames()
  const seen = Array.from({ length: 23 }, (_, i) => see(unchanged, grey(100 + i, 0), i))
  expect(seen.flatMap((what, i) => (what === 'computed' ? [i] : []))).toEqual([0, 11, 22])
})

test('UnchangedFrames computes again what is old, and only one of the inputs that come meanwhile', () => {
  const unchanged = frames(1)
  see(unchanged, still, 0)
  expect(see(unchanged, still, 999)).toBe('as 0')
  const renewing = unchanged.compare('porch', still, 1000)
  expect(renewing.kind).toBe('changed')
  expect(see(unchanged, still, 1033)).toBe('as 0')
  // It failed: the next one is computed instead.
  if (renewing.kind === 'changed') renewing.end()
  expect(see(unchanged, still, 1066)).toBe('computed')
  expect(see(unchanged, still, 1099)).toBe('as 1066')
})

test('UnchangedFrames counts the seconds from the last input that was computed', () => {
  const unchanged = frames(2)
  see(unchanged, still, 500)
  expect(see(unchanged, still, 2499)).toBe('as 500')
  expect(see(unchanged, still, 2500)).toBe('computed')
  expect(see(unchanged, still, 4499)).toBe('as 2500')
})

test('UnchangedFrames keeps the newest of two that were computed at once', () => {
  const unchanged = frames()
  const [first, second] = [unchanged.compare('porch', still, 0), unchanged.compare('porch', grey(0, 0), 1)]
  if (second.kind === 'changed') second.end('second')
  if (first.kind === 'changed') first.end('first')
  expect(see(unchanged, grey(0, 0), 2)).toBe('as second')
})

test('UnchangedFrames compares inputs of one origin only, of a bounded number', () => {
  const unchanged = frames()
  see(unchanged, still, 0, 'porch')
  expect(see(unchanged, still, 1, 'yard')).toBe('computed')
  expect(see(unchanged, still, 2, 'porch')).toBe('as 0')
  for (let i = 0; i < 64; i++) see(unchanged, still, 3, `stranger ${i}`)
  expect(see(unchanged, still, 4, 'porch')).toBe('computed')
})

test('UnchangedFrames computes what cannot be compared, and compares nothing with it', () => {
  const unchanged = frames()
  const unknown = unchanged.compare('porch', undefined, 0)
  if (unknown.kind === 'changed') unknown.end('unknown')
  expect(see(unchanged, still, 1)).toBe('computed')
})
