import { expect, test } from 'vitest'
import { type Block, leaveOneOut } from '../../../bench/estimators/leave-one-out.ts'
import { measureBlocks } from '../../../bench/estimators/measure-blocks.ts'

const block = (model: string, ms: number, operations: number): Block => ({ model, ms, operations, works: [] })

test('leaveOneOut() predicts each model from the others alone, and tells how far off whole and parts are', () => {
  const blocks = [block('a', 10, 1), block('a', 30, 3), block('b', 20, 1), block('c', 10, 1)]
  const asked: string[] = []
  const found = leaveOneOut(blocks, (known, unknown) => {
    asked.push(`${unknown[0]!.model} from ${[...new Set(known.map(({ model }) => model))].join()}`)
    return unknown.map(({ operations }) => 15 * operations)
  })
  expect(asked).toEqual(['a from b,c', 'b from a,c', 'c from a,b'])
  expect(found.models).toEqual([
    { model: 'a', blocks: 2, ms: 40, whole: 0.5, block: 0.5 },
    { model: 'b', blocks: 1, ms: 20, whole: -0.25, block: 0.25 },
    { model: 'c', blocks: 1, ms: 10, whole: 0.5, block: 0.5 },
  ])
  expect(found.whole).toBe(0.5)
  expect(found.block).toBe(0.5)
})

test('measureBlocks() times every layer of a model in one part of it', async () => {
  const blocks = await measureBlocks({ model: 'mobilenetv2', engine: 'onnxruntime', threads: 1, parts: 4 })
  expect(blocks.length).toBeGreaterThanOrEqual(4)
  for (const { ms, works, operations } of blocks) {
    expect(ms).toBeGreaterThan(0)
    expect(works.reduce((sum, work) => sum + work.operations, 0)).toBeCloseTo(operations, -3)
  }
})
