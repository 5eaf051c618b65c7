import { readFile } from 'node:fs/promises'
import { beforeAll, expect, test } from 'vitest'
import { StreamProgram } from '../../agent/stream-program.ts'
import type { AnswerBody } from '../../src/answer/answer-reader.ts'
import { isSameAnswer } from '../../src/answer/same-answer.ts'
import type { CalibrationImage } from '../../src/calibration/calibration-image.ts'
import { bestRow, measureSequence, type SequenceFrame, sequenceRows } from '../../src/calibration/sequence.ts'
import { loadEngine } from '../../src/executor/load-engine.ts'
import { loadModel } from '../../src/model-graph/load-model.ts'
import { overCommonResources, type StreamPlans } from '../../src/scheduler/mix/common-resources.ts'
import type { StreamSettings } from '../../src/scheduler/mix/mix.ts'
import { unchangedClass } from '../../src/scheduler/mix/reuse.ts'
import { UnchangedFrames } from '../../src/scheduler/unchanged-frames.ts'
import { bundledPhoto } from '../model-input.ts'
import { stillScene } from '../still-scene.ts'

const framesPerS = 30
const edgeMs = 100
/** Eight seconds. */
const count = 8 * framesPerS
let scene: readonly SequenceFrame[]

beforeAll(async () => {
  const images: CalibrationImage[] = []
  // `9` comes before `10`.
  for await (const bytes of stillScene('coffee', count, 6))
    images.push({ name: `${images.length}.jpg`, read: async () => bytes })
  const model = await loadModel('mobilenetv2')
  const mixedUp = images.toSorted((a, b) => (a.name < b.name ? -1 : 1))
  scene = await measureSequence(model, await loadEngine('onnxruntime'), mixedUp, () => undefined)
})

/** A camera before an edge that computes one frame after the other; a frame that finds two ahead is left out. */
function play(frames: readonly SequenceFrame[], difference: number, atLeastEveryS: number) {
  const unchanged = new UnchangedFrames<AnswerBody>({ difference, atLeastEveryS })
  const under: { endMs: number; end: () => void }[] = []
  const counts = { reused: 0, differing: 0, computed: 0, shed: 0 }
  for (const [i, { sketch, answer }] of frames.entries()) {
    const nowMs = (1000 * i) / framesPerS
    while (under.length > 0 && under[0]!.endMs <= nowMs) under.shift()!.end()
    const compared = unchanged.compare('', sketch, nowMs)
    if (compared.kind === 'unchanged') {
      counts.reused++
      if (!isSameAnswer(compared.answer, answer)) counts.differing++
    } else if (under.length >= 2) {
      counts.shed++
      compared.end()
    } else {
      counts.computed++
      const endMs = Math.max(nowMs, under.at(-1)?.endMs ?? 0) + edgeMs
      under.push({ endMs, end: () => compared.end(answer) })
    }
  }
  return counts
}

test("of a still scene with a camera's noise nine tenths and more are reused, and the edge is free", () => {
  const { reused, differing, computed } = play(scene, 12, 5)
  expect(reused / count).toBeGreaterThanOrEqual(0.9)
  expect(differing / count).toBeLessThanOrEqual(0.01)
  expect((computed * edgeMs) / (1000 * (count / framesPerS))).toBeLessThanOrEqual(0.15)
})

test('sequenceRows() reuse more the more may differ, and bestRow() keeps the answers', () => {
  const rows = sequenceRows(scene)
  for (const [i, { reused }] of rows.slice(1).entries())
    expect(reused).toBeGreaterThanOrEqual(rows[i]!.reused)
  expect(rows[0]!.reused).toBeLessThan(0.1)
  const best = bestRow(rows, 0.01)!
  expect(best.reused).toBeGreaterThanOrEqual(0.95)
  expect(best.differing).toBeLessThanOrEqual(0.01)
})

test('sequenceRows() see what moves: another class is answered otherwise where too much may differ', () => {
  const seen = (index: number, grey: number): SequenceFrame => ({
    sketch: { shape: [1, 1, 1], data: Uint8Array.of(grey) },
    answer: { top: [{ label: '', index, probability: 1 }] },
  })
  const frames = [seen(1, 0), seen(1, 3), seen(2, 40), seen(2, 42)]
  const rows = sequenceRows(frames)
  expect(bestRow(rows, 0)).toEqual({ difference: 3, reused: 0.5, differing: 0 })
  expect(rows.at(-1)).toEqual({ difference: 96, reused: 0.75, differing: 0.5 })
})

test('measureSequence() has no sketch of a damaged frame, which is then computed', async () => {
  const whole = await readFile(bundledPhoto('cat'))
  const cut = whole.subarray(0, 0.9 * whole.length)
  const images = [whole, cut].map((bytes, i) => ({ name: `${i}.jpg`, read: async () => bytes }))
  const model = await loadModel('mobilenetv2')
  const frames = await measureSequence(model, await loadEngine('onnxruntime'), images, () => undefined)
  expect(frames.map(({ sketch }) => sketch?.shape)).toEqual([[38, 57, 3], undefined])
})

test('what is reused is no work: another camera has the engine that a still one leaves', () => {
  const camera = (name: string): StreamSettings => ({ name, priority: 0, weight: 1, keep: 'newest' })
  const local: StreamPlans = {
    plans: [{ name: 'local', latencyMs: edgeMs, use: [edgeMs] }],
    resources: [{ name: 'edge', perS: 1000, maxUtilisation: 0.97, queue: { servers: 1, serviceCv2: 0.1 } }],
  }
  const answered = (
    computedShare: number,
  ): { busy: number; lines: readonly string[]; share: number | undefined } => {
    const still = camera('still')
    const program = new StreamProgram([still, unchangedClass(still), camera('busy')])
    const { mix, plansOf } = program
    const ask = (stream: string, nowMs: number) => {
      mix.observeArrival(stream, nowMs)
      plansOf.set(stream, local)
      const { resources, plans } = overCommonResources(plansOf, local)
      const snapshot = { resources, backlogMs: [0], promisedMs: [0], plans, localMs: edgeMs }
      return mix.decide(stream, nowMs, snapshot).kind === 'plan' ? 1 : 0
    }
    let busy = 0
    for (let i = 0; i < 20 * framesPerS; i++) {
      const nowMs = (1000 * i) / framesPerS
      const isUnchanged = i % Math.round(1 / computedShare) !== 0
      program.compared('still', isUnchanged, 2, nowMs)
      if (!isUnchanged) ask('still', nowMs)
      // Seven and a half a second.
      if (i % 4 === 1) busy += ask('busy', nowMs)
    }
    const { streams, explanation } = program.report([])!
    const share = streams.find(({ name }) => name === 'still/unchanged')?.share
    return { busy: busy / (5 * framesPerS), lines: explanation, share }
  }
  expect(answered(1)).toMatchObject({ share: undefined })
  expect(answered(1).busy).toBeLessThan(0.75)
  const { busy, lines, share } = answered(1 / 20)
  expect(busy).toBeGreaterThan(0.97)
  expect(share).toBeCloseTo(0.95, 1)
  expect(lines[0]).toMatch(/^All 37\.\d inputs a second are answered/)
  expect(lines).toContain("95 % of still's inputs look like the last one computed.")
})
