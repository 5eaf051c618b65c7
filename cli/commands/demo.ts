import { runDemo } from '../../lab/demo/run-demo.ts'
import { runSensorDemo } from '../../lab/demo/run-sensor-demo.ts'
import { aloneScenario, type BoardName, boards, streamScenario } from '../../lab/demo/scenario.ts'
import { readOptions } from '../../src/terminal/options.ts'
import { UsageError } from '../../src/terminal/usage-error.ts'

const boardNames = Object.keys(boards) as BoardName[]

export async function demo(args: readonly string[]): Promise<number> {
  const { values } = readOptions(args, {
    options: {
      alone: { type: 'boolean' },
      sensor: { type: 'boolean' },
      broker: { type: 'string' },
      board: { type: 'string', default: 'pi4' },
      'edge-slowdown': { type: 'string' },
      json: { type: 'boolean' },
    },
  })
  const board = boardNames.find((name) => name === values.board)
  if (board === undefined)
    throw new UsageError(`--board must be one of ${boardNames.join(', ')}, current value is ${values.board}`)
  const text = values['edge-slowdown']
  const edgeSlowdown = text === undefined ? undefined : Number(text)
  if (edgeSlowdown !== undefined && !(edgeSlowdown >= 1)) {
    throw new UsageError(`--edge-slowdown must be a number from 1, current value is ${text}`)
  }
  if (values.sensor && values.alone) throw new UsageError('--sensor and --alone exclude each other')
  const { broker: brokerUrl } = values
  if (brokerUrl !== undefined && !(values.sensor && brokerUrl.startsWith('mqtt://')))
    throw new UsageError(
      `--broker must be like mqtt://127.0.0.1:1883 and needs --sensor, current value is ${brokerUrl}`,
    )
  const over = new AbortController()
  const onSignal = () => over.abort(new Error('Stopped by a signal'))
  process.once('SIGINT', onSignal)
  process.once('SIGTERM', onSignal)
  const print = (line: string) => (values.json ? process.stderr.write(`${line}\n`) : console.log(line))
  const scenario = values.alone ? aloneScenario : streamScenario
  const { signal } = over
  const {
    summary,
    text: table,
    faults,
  } = await (values.sensor
    ? runSensorDemo({ print, signal, brokerUrl })
    : runDemo({ scenario, board, edgeSlowdown, print, signal }))
  console.log(values.json ? JSON.stringify(summary, undefined, 2) : table)
  for (const fault of faults) console.error(`Not as it should be: ${fault}`)
  return faults.length === 0 ? 0 : 1
}
