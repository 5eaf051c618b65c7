import { runDemo } from '../../lab/demo/run-demo.ts'
import { summaryTable } from '../../lab/demo/table.ts'
import { readOptions } from '../../src/terminal/options.ts'
import { UsageError } from '../../src/terminal/usage-error.ts'

export async function demo(args: readonly string[]): Promise<number> {
  const { values } = readOptions(args, {
    options: { 'edge-slowdown': { type: 'string' }, json: { type: 'boolean' } },
  })
  const text = values['edge-slowdown']
  const edgeSlowdown = text === undefined ? undefined : Number(text)
  if (edgeSlowdown !== undefined && !(edgeSlowdown >= 1)) {
    throw new UsageError(`--edge-slowdown must be a number from 1, current value is ${text}`)
  }
  const over = new AbortController()
  const onSignal = () => over.abort(new Error('Stopped by a signal'))
  process.once('SIGINT', onSignal)
  process.once('SIGTERM', onSignal)
  const print = (line: string) => (values.json ? process.stderr.write(`${line}\n`) : console.log(line))
  const { summary, faults } = await runDemo({ edgeSlowdown, print, signal: over.signal })
  if (values.json) console.log(JSON.stringify(summary, undefined, 2))
  else console.log(summaryTable(summary))
  for (const fault of faults) console.error(`Not as it should be: ${fault}`)
  return faults.length === 0 ? 0 : 1
}
