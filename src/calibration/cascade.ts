import type { AnswerBody } from '../answer/answer-reader.ts'
import { confidenceOf } from '../answer/confidence.ts'
import { isSameAnswer } from '../answer/same-answer.ts'
import type { Engine } from '../executor/engine.ts'
import type { Model } from '../model-graph/model.ts'
import type { CalibrationImage } from './calibration-image.ts'
import { answerImages } from './whole-answers.ts'

/** A picture as both models answer it. */
export interface CascadeCase {
  readonly small: AnswerBody
  readonly large: AnswerBody
  /** Index of the right class. */
  readonly label?: number | undefined
}

/** What a stream's `cascade.below` does. */
export interface CascadeRow {
  readonly below: number
  /** Share of the pictures that the larger model is asked for. */
  readonly sent: number
  /** Share that is answered as the larger model would. */
  readonly agreement: number
  /** Share that is answered right; undefined without labels. */
  readonly accuracy: number | undefined
}

const steps = 50

/** @throws {TypeError} where the answers of the first model do not say how sure it is */
export async function measureCascade(
  models: { readonly small: Model; readonly large: Model },
  engine: Engine,
  images: readonly CalibrationImage[],
  progress: (text: string) => void,
): Promise<CascadeCase[]> {
  const answers = { small: [] as AnswerBody[], large: [] as AnswerBody[] }
  for (const size of ['small', 'large'] as const)
    await answerImages(models[size], engine, images, ({ answer }, i) => {
      if (i % 20 === 0) progress(`${models[size].manifest.name}: picture ${i}/${images.length}`)
      answers[size].push(answer)
    })
  requireConfidence(models.small, answers.small)
  return images.map(({ label }, i) => ({ small: answers.small[i]!, large: answers.large[i]!, label }))
}

function requireConfidence({ manifest }: Model, answers: readonly AnswerBody[]): void {
  if (answers.every((answer) => confidenceOf(answer) !== undefined)) return
  throw new TypeError(
    `Cannot cascade from model ${manifest.name}: kind of its output must be classes or boxes, current value is ${manifest.output.kind}`,
  )
}

/** From `below: 0`, the first model alone, to one that asks the larger model for everything. O(steps x pictures). */
export function cascadeRows(cases: readonly CascadeCase[]): CascadeRow[] {
  const share = (count: number) => count / cases.length
  return Array.from({ length: steps + 2 }, (_, i): CascadeRow => {
    const below = i <= steps ? i / steps : Infinity
    const asked = cases.map(({ small }) => confidenceOf(small)! < below)
    const answers = cases.map(({ small, large }, c) => (asked[c] ? large : small))
    const isLabelled = cases.every(({ label }) => label !== undefined)
    return {
      below,
      sent: share(asked.filter(Boolean).length),
      agreement: share(cases.filter(({ large }, c) => isSameAnswer(answers[c]!, large)).length),
      accuracy: isLabelled
        ? share(cases.filter(({ label }, c) => classOf(answers[c]!) === label).length)
        : undefined,
    }
  })
}

/** Without labels there is no telling which model is right where they differ. */
const enoughAgreement = 0.95

/**
 * The row that sends least and is as good as the larger model alone: as many right or, without labels, nearly all answered
 * as it would.
 */
export function bestCascade(rows: readonly CascadeRow[]): CascadeRow {
  const all = rows.at(-1)!
  const isEnough = ({ accuracy, agreement }: CascadeRow) =>
    accuracy === undefined ? agreement >= enoughAgreement : accuracy >= all.accuracy!
  return rows.find(isEnough) ?? all
}

function classOf(answer: AnswerBody): number | undefined {
  return 'top' in answer ? answer.top[0]?.index : undefined
}
