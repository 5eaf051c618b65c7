import { playMatrix, type RegretRow } from '../../bench/regret/regret-matrix.ts'
import { holds, markdownTable, regretTables, wantedMean, wantedP95 } from '../../bench/regret/regret-table.ts'
import { policyNames } from '../../lab/replay/policies/choose-policies.ts'
import { positiveNumber, readOptions } from '../../src/terminal/options.ts'
import { textTable } from '../../src/terminal/text-table.ts'
import { UsageError } from '../../src/terminal/usage-error.ts'

/** Every policy over every trace, model, pair of machines, size, wait and load, in virtual time. */
export async function benchRegret(args: readonly string[]): Promise<number> {
  const { values } = readOptions(args, {
    options: {
      traces: { type: 'string', default: '0.1,0.5,1,2,5,20,100' },
      edge: { type: 'string' },
      backend: { type: 'string' },
      models: { type: 'string', default: 'mobilenetv2,resnet50,inception_v3' },
      'input-bytes': { type: 'string', default: '17000,60000' },
      'worker-wait': { type: 'string', default: '0,200' },
      loads: { type: 'string', default: '0' },
      policies: { type: 'string', default: 'local,jpeg,raw,surgeon,oracle' },
      codecs: { type: 'string', default: 'float16,uint8' },
      rtt: { type: 'string', default: '40' },
      seconds: { type: 'string', default: '60' },
      markdown: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
    },
  })
  const { edge, backend } = values
  if (edge === undefined || backend === undefined)
    throw new UsageError('surgeon bench regret needs --edge FILE,FILE and --backend FILE,FILE')
  const [edges, backends] = [edge.split(','), backend.split(',')]
  if (edges.length !== backends.length)
    throw new UsageError(
      `--backend must have as many files as --edge, ${edges.length}, current value is ${backends.length}`,
    )
  const policies = values.policies === 'all' ? policyNames : values.policies.split(',')
  const unknown = policies.find((name) => !policyNames.includes(name))
  if (unknown !== undefined)
    throw new UsageError(
      `--policies must be all or of ${policyNames.join(', ')}, current value is ${unknown}`,
    )
  const rows: RegretRow[] = []
  for await (const row of playMatrix({
    traces: values.traces.split(','),
    models: values.models.split(','),
    machines: edges.map((file, i) => ({ edge: file, backend: backends[i]! })),
    inputBytes: numbers(values['input-bytes'], '--input-bytes'),
    workerWaitMs: numbers(values['worker-wait'], '--worker-wait'),
    loads: numbers(values.loads, '--loads'),
    policies,
    featureCodecs: values.codecs.split(',').filter((name) => name !== ''),
    roundTripMs: positiveNumber(values.rtt, '--rtt'),
    seconds: positiveNumber(values.seconds, '--seconds'),
  })) {
    rows.push(row)
    process.stderr.write(`${told(row)}\n`)
  }
  if (values.json) console.log(JSON.stringify({ rows }, undefined, 1))
  else for (const { load, rows: table } of regretTables(rows)) show(load, table, values.markdown)
  return 0
}

function show(load: number, table: readonly (readonly string[])[], isMarkdown: boolean): void {
  const what =
    load === 0
      ? `Alone: mean regret / its 95th percentile, %; held: at most ${100 * wantedMean} % and ${100 * wantedP95} %`
      : `At ${load} times what the edge alone can do: answered of what could have been, %`
  console.log(`${what}\n\n${isMarkdown ? markdownTable(table) : textTable(table)}\n`)
}

function told(row: RegretRow): string {
  const { trace, model, edge, inputBytes, workerWaitMs, load, policy, regretMean, regretP95 } = row
  const scale = /@([^@/]*)$/.exec(edge)?.[1] ?? '1'
  const name = `${trace} ${model} @${scale} ${inputBytes} B ${workerWaitMs} ms load ${load} ${policy}`
  const regret = `${(100 * regretMean).toFixed(1)} / ${(100 * regretP95).toFixed(1)}`
  return `${name}: regret ${regret} %${load === 0 && !holds(row) ? ' missed' : ''}, ${(100 * row.shareOfBound).toFixed(0)} % of the bound`
}

function numbers(text: string, option: string): number[] {
  return text.split(',').map((part) => {
    const value = part.trim() === '' ? Number.NaN : Number(part)
    if (!(value >= 0 && value < Infinity))
      throw new UsageError(`${option} must be numbers of at least 0, current value is ${text}`)
    return value
  })
}
