import { type InputSketch, sketchDifference } from '../codec/input-sketch.ts'
import { RecentlyUsed } from '../memory/recently-used.ts'

export interface UnchangedSettings {
  /** Inputs whose sketches differ by no more are taken for the same. */
  readonly difference: number
  readonly reuse: 'answer' | 'silence'
  /** After so long an input is computed whatever it looks like. */
  readonly atLeastEveryS: number
}

/** What an input is to be: the last answer once more, or computed. */
export type Comparison<Answer> =
  | { readonly kind: 'unchanged'; readonly answer: Answer }
  /** `end` is to be called once, with the answer or, where there is none, without. */
  | { readonly kind: 'changed'; readonly end: (answer?: Answer) => void }

interface Computed<Answer> {
  readonly sketch: InputSketch
  readonly answer: Answer
  readonly arrivedMs: number
}

interface Origin<Answer> {
  last?: Computed<Answer>
  /** An input that looks the same is being computed, because the last answer is old. */
  isRenewing: boolean
}

/** Whoever publishes under ever new topics must not fill the memory. */
const maxOrigins = 64

/**
 * The inputs of one stream, each compared with the last one of the same origin that was really computed: never with
 * one that was itself taken for unchanged, so that what changes slowly is seen in the end. Time is an argument.
 */
export class UnchangedFrames<Answer> {
  private readonly settings: Omit<UnchangedSettings, 'reuse'>
  private readonly origins = new RecentlyUsed<Origin<Answer>>(maxOrigins, () => ({ isRenewing: false }))

  constructor(settings: Omit<UnchangedSettings, 'reuse'>) {
    this.settings = settings
  }

  /**
   * @param name of the origin
   * @param sketch undefined where there is nothing to compare: it is computed, and none is compared with it
   */
  compare(name: string, sketch: InputSketch | undefined, nowMs: number): Comparison<Answer> {
    const origin = this.origins.of(name)
    if (sketch === undefined) return { kind: 'changed', end: () => undefined }
    const { difference, atLeastEveryS } = this.settings
    const { last } = origin
    const isSame = last !== undefined && sketchDifference(last.sketch, sketch) <= difference
    const isOld = last !== undefined && nowMs - last.arrivedMs >= 1000 * atLeastEveryS
    if (isSame && (!isOld || origin.isRenewing)) return { kind: 'unchanged', answer: last.answer }
    if (isSame) origin.isRenewing = true
    const end = (answer?: Answer) => {
      if (isSame) origin.isRenewing = false
      // Of two that were computed at once the one that came later is what there is to see now.
      const isNewest = origin.last === undefined || origin.last.arrivedMs <= nowMs
      if (answer !== undefined && isNewest) origin.last = { sketch, answer, arrivedMs: nowMs }
    }
    return { kind: 'changed', end }
  }
}
