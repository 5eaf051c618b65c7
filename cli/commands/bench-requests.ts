import { measureRequests, type Requests } from '../../bench/requests/measure-requests.ts'
import { readOptions, wholeNumber } from '../../src/terminal/options.ts'
import { textTable } from '../../src/terminal/text-table.ts'
import { UsageError } from '../../src/terminal/usage-error.ts'

/** What a request costs in processor time, by plan and thread: real processes, one request at a time. */
export async function benchRequests(args: readonly string[]): Promise<number> {
  const { values } = readOptions(args, {
    options: {
      model: { type: 'string', default: 'mobilenetv2' },
      wound: { type: 'string', default: 'block_6_project_BN' },
      size: { type: 'string', default: '320x240' },
      rounds: { type: 'string', default: '8' },
      requests: { type: 'string', default: '50' },
      'in-flight': { type: 'string', default: '6' },
      broker: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  })
  const requests = await measureRequests({
    model: values.model,
    wound: values.wound,
    size: sizeOf(values.size),
    rounds: wholeNumber(values.rounds, '--rounds', 1),
    perRound: wholeNumber(values.requests, '--requests', 1),
    inFlight: wholeNumber(values['in-flight'], '--in-flight', 1),
    brokerUrl: values.broker,
  })
  console.log(values.json ? JSON.stringify(requests, undefined, 2) : table(requests))
  return 0
}

function sizeOf(text: string): { width: number; height: number } {
  const match = /^([1-9]\d{1,3})x([1-9]\d{1,3})$/.exec(text)
  if (match === null) throw new UsageError(`--size must be like 320x240, current value is ${text}`)
  return { width: Number(match[1]), height: Number(match[2]) }
}

function table({ engineMs, rows }: Requests): string {
  const head = ['plan', 'main', 'pool', 'inference', 'edge', '/ engine']
  const worker = ['worker main', 'pool', 'inference', '/ engine']
  const text = textTable([
    [...head, ...worker, 'p50 ms', 'answers/s', 'most/s'],
    ...rows.map(({ plan, agent, worker: pool, edgeMs, edgeOverEngine, workerOverEngine, ...row }) => [
      row.codec === 'none' ? plan : `${plan} ${row.codec}`,
      agent.main.toFixed(2),
      agent.pool.toFixed(2),
      agent.inference.toFixed(2),
      edgeMs.toFixed(2),
      edgeOverEngine.toFixed(2),
      pool.main.toFixed(2),
      pool.pool.toFixed(2),
      pool.inference.toFixed(2),
      workerOverEngine.toFixed(2),
      row.p50Ms.toFixed(1),
      row.perS.toFixed(1),
      row.mostPerS.toFixed(1),
    ]),
  ])
  return `${text}\n\nMilliseconds of processor a request; the engine takes ${engineMs.toFixed(2)} ms for the whole network.`
}
