import { describe, expect, it } from 'vitest'
import type { CalibrationRow } from '../../src/codec/calibration-file.ts'
import {
  accuracyBudget,
  accuracyLossBound,
  allowedUncalibrated,
} from '../../src/scheduler/accuracy-budget.ts'
import { exactRow } from '../calibration/exact-row.ts'

const row: CalibrationRow = exactRow('w', 'q4')

function randomStream(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

describe('accuracyLossBound', () => {
  it('lies above the true loss about 95 times in 100', () => {
    const random = randomStream(1)
    const images = 325
    const runs = 2000
    const [lossRate, winRate, neitherRate] = [0.02, 0.01, 0.01]
    let labelled = 0
    let unlabelled = 0
    for (let run = 0; run < runs; run++) {
      let [lost, won, neither] = [0, 0, 0]
      for (let i = 0; i < images; i++) {
        const draw = random()
        if (draw < lossRate) lost++
        else if (draw < lossRate + winRate) won++
        else if (draw < lossRate + winRate + neitherRate) neither++
      }
      if (accuracyLossBound({ ...row, lost, won }, images) >= lossRate - winRate) labelled++
      const agreement = 1 - (lost + won + neither) / images
      if (accuracyLossBound({ ...row, agreement }, images) >= lossRate + winRate + neitherRate) unlabelled++
    }
    expect(labelled / runs).toBeGreaterThan(0.94)
    expect(unlabelled / runs).toBeGreaterThan(0.93)
  })

  it('is below 1 % for a codec that changes nothing on 325 images, and above it on 100', () => {
    expect(accuracyLossBound(row, 325)).toBeLessThan(0.01)
    expect(accuracyLossBound({ ...row, lost: 0, won: 0 }, 325)).toBeLessThan(0.01)
    expect(accuracyLossBound(row, 100)).toBeGreaterThan(0.01)
  })

  it('grows with what is lost or changed and falls with what is won', () => {
    const bound = (changes: object) => accuracyLossBound({ ...row, ...changes }, 325)
    expect(bound({ lost: 1, won: 0 })).toBeGreaterThan(bound({ lost: 0, won: 0 }))
    expect(bound({ lost: 5, won: 1 })).toBeGreaterThan(bound({ lost: 5, won: 5 }))
    expect(bound({ agreement: 0.98 })).toBeGreaterThan(0.02)
  })
})

describe('accuracyLossBound in figures', () => {
  // 11.5 and 3.5 with half an image each are 12 and 4 of 200.
  it('is that of Agresti and Min for paired answers', () => {
    expect(accuracyLossBound({ ...row, lost: 11.5, won: 3.5 }, 198)).toBeCloseTo(
      (8 + 1.644854 * Math.sqrt(16 - 64 / 200)) / 200,
      9,
    )
  })

  it('is that of the changed answers where it is not known which were right', () => {
    const unlabelled = accuracyLossBound({ ...row, agreement: 0.9 }, 100)
    expect(accuracyLossBound({ ...row, agreement: 0.9, lost: 0 }, 100)).toBe(unlabelled)
    expect(accuracyLossBound({ ...row, agreement: 0.9, won: 0 }, 100)).toBe(unlabelled)
    expect(unlabelled).toBeCloseTo(0.1606, 3)
  })
})

describe('accuracyBudget', () => {
  it('allows what costs just as much as may be lost', () => {
    const same = { ...row, lost: 2, won: 1 }
    const bound = accuracyLossBound(same, 325)
    expect(accuracyBudget({ images: 325, rows: [same] }, bound).refused).toEqual([])
  })

  it('divides the rows by their bound', () => {
    const rows = [
      { ...row, lost: 0, won: 0 },
      { ...row, codec: 'q2', lost: 20, won: 4 },
    ]
    const budget = accuracyBudget({ images: 325, rows })
    expect(budget.allowed.map(({ codec }) => codec)).toEqual(['q4'])
    expect(budget.refused.map(({ codec }) => codec)).toEqual(['q2'])
    expect(accuracyBudget({ images: 325, rows }, 0.1).refused).toEqual([])
  })

  it('allows 8 bits and wider where nothing was measured', () => {
    expect(['float16', 'uint8', 'q8c', 'jpeg:90', 'received', 'raw'].every(allowedUncalibrated)).toBe(true)
    expect(
      ['q7', 'q4', 'klt:12', 'jpeg:75', 'jpeg:95@160', 'zip', 'xjpeg:95'].some(allowedUncalibrated),
    ).toBe(false)
  })
})
