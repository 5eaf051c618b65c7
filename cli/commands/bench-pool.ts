import type { CrowdCost } from '../../bench/pool/crowd-meter.ts'
import { type Crowd, measureCrowd } from '../../bench/pool/measure-crowd.ts'
import { type MixedRow, measureMixedWounds } from '../../bench/pool/mixed-wounds.ts'
import { findModel } from '../../src/model-graph/find-model.ts'
import { type ModelChoice, randomWeights } from '../../src/model-graph/model-choice.ts'
import { readOptions, wholeNumber, wholeNumbers } from '../../src/terminal/options.ts'
import { textTable } from '../../src/terminal/text-table.ts'

const outstanding = 16
const rounds = 3
const windowMs = 3000

/** Measures what a pool carries that computes nothing, and what finishing requests together is worth. */
export async function benchPool(args: readonly string[]): Promise<number> {
  const { values } = readOptions(args, {
    options: {
      agents: { type: 'string', default: '1000' },
      workers: { type: 'string', default: '5' },
      rate: { type: 'string', default: '1000' },
      'warm-up': { type: 'string', default: '10' },
      seconds: { type: 'string', default: '10' },
      broker: { type: 'string' },
      models: { type: 'string', default: 'mobilenetv2' },
      threads: { type: 'string', default: '2' },
      batch: { type: 'string', default: '4' },
      json: { type: 'boolean', default: false },
    },
  })
  const crowd = await measureCrowd({
    agents: wholeNumber(values.agents, '--agents', 1),
    workers: wholeNumber(values.workers, '--workers', 1),
    ratePerS: wholeNumber(values.rate, '--rate', 1),
    warmUpSeconds: wholeNumber(values['warm-up'], '--warm-up', 0),
    seconds: wholeNumber(values.seconds, '--seconds', 1),
    brokerUrl: values.broker,
  })
  const mixed: MixedRow[] = []
  for (const model of values.models.split(',').filter((name) => name !== '')) {
    const choice = await choiceOf(model)
    const batch = wholeNumber(values.batch, '--batch', 2)
    for (const threads of wholeNumbers(values.threads, '--threads', 1))
      mixed.push(await measureMixedWounds({ choice, threads, batch, outstanding, rounds, windowMs }))
  }
  console.log(values.json ? JSON.stringify({ crowd, mixed }, undefined, 2) : tables(crowd, mixed))
  return 0
}

/** Only times are looked at: weights are made up where there are none. */
async function choiceOf(model: string): Promise<ModelChoice> {
  const { kind } = await findModel(model)
  return kind === 'zoo' || kind === 'topology' ? { model, weights: randomWeights } : { model }
}

function tables(crowd: Crowd, mixed: readonly MixedRow[]): string {
  const refused = Object.values(crowd.failures).reduce((sum, count) => sum + count, 0)
  const carried = textTable([
    [
      'agents',
      'workers',
      'offered/s',
      'answered/s',
      'refused',
      'lost',
      'twice',
      'p50 ms',
      'p99 ms',
      'memory',
      'worker, CPU ms each',
      'agent, CPU ms each',
    ],
    [
      crowd.agents,
      crowd.workers,
      Math.round(crowd.offeredPerS),
      Math.round(crowd.answeredPerS),
      refused,
      crowd.lost,
      crowd.duplicates,
      crowd.p50Ms.toFixed(1),
      crowd.p99Ms.toFixed(1),
      ...costs(crowd.cost),
    ],
  ])
  const together = textTable([
    [
      'model',
      'threads',
      'batch',
      'one by one/s',
      'together/s',
      'gain',
      'waves at most',
      'p99 one, ms',
      'p99 together, ms',
    ],
    ...mixed.map((row) => [
      row.model,
      row.threads,
      row.batch,
      row.onePerS.toFixed(1),
      row.togetherPerS.toFixed(1),
      row.gain.toFixed(2),
      row.waves.gain.toFixed(2),
      row.oneP99Ms.toFixed(0),
      row.togetherP99Ms.toFixed(0),
    ]),
  ])
  return mixed.length === 0 ? carried : `${carried}\n\n${together}`
}

function costs(cost: CrowdCost | undefined): string[] {
  if (cost === undefined) return ['', '', '']
  const { main, inference, pool } = cost.workerMs
  const worker = [main, inference, pool].map((ms) => ms.toFixed(2)).join(' + ')
  return [`${cost.memoryMb.join(' -> ')} MB`, worker, cost.agentMs.toFixed(2)]
}
