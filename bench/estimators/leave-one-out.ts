import { median } from 'simple-statistics'
import { LayerRegression, type MeasuredPiece } from '../../src/latency-model/layer-regression.ts'
import { fitOperations, predictMs } from '../../src/latency-model/operation-regression.ts'

/** Part of a model that was timed. */
export interface Block extends MeasuredPiece {
  readonly model: string
  readonly operations: number
}

export interface LeftOut {
  readonly model: string
  readonly blocks: number
  readonly ms: number
  /** Of the whole model, relative to what it took: above 0 where it was predicted too slow. */
  readonly whole: number
  /** Median absolute error of its blocks, relative. */
  readonly block: number
}

export interface LeaveOneOut {
  readonly models: readonly LeftOut[]
  /** Median absolute errors, over models and over all blocks. */
  readonly whole: number
  readonly block: number
}

/** Predicts blocks from others, milliseconds. */
export type Predictor = (known: readonly Block[], asked: readonly Block[]) => number[]

export const byKind: Predictor = (known, asked) => {
  const regression = new LayerRegression({ memory: 1 })
  for (const piece of known) regression.observe(piece)
  return asked.map(({ works }) => regression.predictMs(works))
}

export const byOperationsAlone: Predictor = (known, asked) => {
  const line = fitOperations(known)
  return asked.map(({ operations }) => predictMs(line, operations))
}

/** Each model predicted from all others. */
export function leaveOneOut(blocks: readonly Block[], predict: Predictor): LeaveOneOut {
  const errors: number[] = []
  const models = [...new Set(blocks.map(({ model }) => model))].map((model): LeftOut => {
    const asked = blocks.filter((each) => each.model === model)
    const predicted = predict(
      blocks.filter((each) => each.model !== model),
      asked,
    )
    const off = predicted.map((ms, i) => Math.abs(ms / asked[i]!.ms - 1))
    errors.push(...off)
    const ms = asked.reduce((sum, each) => sum + each.ms, 0)
    const whole = predicted.reduce((sum, each) => sum + each, 0) / ms - 1
    return { model, blocks: asked.length, ms, whole, block: median(off) }
  })
  return { models, whole: median(models.map(({ whole }) => Math.abs(whole))), block: median(errors) }
}
