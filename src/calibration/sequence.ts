import type { AnswerBody } from '../answer/answer-reader.ts'
import { isSameAnswer } from '../answer/same-answer.ts'
import { type InputSketch, sketchPicture } from '../codec/input-sketch.ts'
import type { Engine } from '../executor/engine.ts'
import type { Model } from '../model-graph/model.ts'
import { UnchangedFrames } from '../scheduler/unchanged-frames.ts'
import type { CalibrationImage } from './calibration-image.ts'
import { answerImages } from './whole-answers.ts'

/** A frame as it is compared, and what it is answered where it is computed. */
export interface SequenceFrame {
  readonly sketch: InputSketch | undefined
  readonly answer: AnswerBody
}

/** What a stream's `unchanged.difference` does to a sequence. */
export interface SequenceRow {
  readonly difference: number
  /** Share of the frames that would not be computed. */
  readonly reused: number
  /** Share of all frames that would be answered otherwise than if they were computed. */
  readonly differing: number
}

/** Finer where a camera's noise ends. */
const differences = [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 32, 48, 64, 96]

/** Frames of a camera in the order of their names (`9` before `10`), each answered by the whole model. */
export async function measureSequence(
  model: Model,
  engine: Engine,
  images: readonly CalibrationImage[],
  progress: (text: string) => void,
): Promise<SequenceFrame[]> {
  const order = new Intl.Collator('en', { numeric: true })
  const ordered = images.toSorted((a, b) => order.compare(a.name, b.name))
  const frames: SequenceFrame[] = []
  await answerImages(model, engine, ordered, async ({ bytes, answer }, i) => {
    if (i % 50 === 0) progress(`frame ${i}/${images.length}`)
    const sketch = await sketchPicture(bytes).catch(() => undefined)
    frames.push({ sketch, answer })
  })
  return frames
}

/**
 * Plays a sequence with each difference, by the rule of the agent, as if every frame were computed before the next one
 * comes and none because the last answer is old. O(differences x frames x pixels of a sketch).
 */
export function sequenceRows(frames: readonly SequenceFrame[]): SequenceRow[] {
  return differences.map((difference) => {
    const unchanged = new UnchangedFrames<AnswerBody>({ difference, atLeastEveryS: Infinity })
    let reused = 0
    let differing = 0
    for (const [i, { sketch, answer }] of frames.entries()) {
      const compared = unchanged.compare('', sketch, i)
      if (compared.kind === 'changed') compared.end(answer)
      else {
        reused++
        if (!isSameAnswer(compared.answer, answer)) differing++
      }
    }
    return { difference, reused: reused / frames.length, differing: differing / frames.length }
  })
}

/** The row that computes least and changes no more than a share of the answers; undefined where none is so faithful. */
export function bestRow(rows: readonly SequenceRow[], mostDiffering: number): SequenceRow | undefined {
  const faithful = rows.filter(({ differing }) => differing <= mostDiffering)
  // Of those that reuse as many the strictest.
  return faithful.toSorted((a, b) => b.reused - a.reused || a.difference - b.difference)[0]
}
