import {
  byKind,
  byOperationsAlone,
  type LeaveOneOut,
  leaveOneOut,
} from '../../bench/estimators/leave-one-out.ts'
import { measureBlocks } from '../../bench/estimators/measure-blocks.ts'
import { zooModels } from '../../src/model-graph/zoo/zoo.ts'
import { readOptions, wholeNumber } from '../../src/terminal/options.ts'
import { textTable } from '../../src/terminal/text-table.ts'
import { UsageError } from '../../src/terminal/usage-error.ts'
import { engineName } from '../engine-option.ts'

/** How well a model that was never measured here is predicted from the others. */
export async function benchEstimators(args: readonly string[]): Promise<number> {
  const { values } = readOptions(args, {
    options: {
      models: { type: 'string', default: zooModels.map(({ name }) => `zoo:${name}`).join(',') },
      engine: { type: 'string', default: 'onnxruntime' },
      threads: { type: 'string', default: '1' },
      parts: { type: 'string', default: '12' },
      json: { type: 'boolean', default: false },
    },
  })
  const models = values.models.split(',')
  if (models.length < 2)
    throw new UsageError(`--models must be two or more, current value is ${values.models}`)
  const engine = engineName(values.engine)
  const threads = wholeNumber(values.threads, '--threads', 1)
  const parts = wholeNumber(values.parts, '--parts', 2)
  const blocks = []
  for (const model of models) {
    process.stderr.write(`measuring ${model}\n`)
    blocks.push(...(await measureBlocks({ model, engine, threads, parts })))
  }
  const found = { byKind: leaveOneOut(blocks, byKind), byOperations: leaveOneOut(blocks, byOperationsAlone) }
  console.log(values.json ? JSON.stringify(found, undefined, 2) : table(found))
  return 0
}

function table(found: { readonly byKind: LeaveOneOut; readonly byOperations: LeaveOneOut }): string {
  const percent = (share: number) => `${(100 * share).toFixed(0)} %`
  return textTable([
    ['left out', 'parts', 'ms', 'whole', 'a part', 'operations alone: whole', 'a part'],
    ...found.byKind.models.map(({ model, blocks, ms, whole, block }, i) => {
      const alone = found.byOperations.models[i]!
      return [
        model,
        blocks,
        ms.toFixed(1),
        percent(whole),
        percent(block),
        percent(alone.whole),
        percent(alone.block),
      ]
    }),
    [
      'median, absolute',
      '',
      '',
      percent(found.byKind.whole),
      percent(found.byKind.block),
      percent(found.byOperations.whole),
      percent(found.byOperations.block),
    ],
  ])
}
