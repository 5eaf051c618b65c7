import { measureTransport, type TransportRow } from '../../bench/transport/measure-transport.ts'
import { readOptions, wholeNumber, wholeNumbers } from '../../src/terminal/options.ts'
import { textTable } from '../../src/terminal/text-table.ts'

/** What frames cost there and back over a broker, against MQTT.js alone. */
export async function benchTransport(args: readonly string[]): Promise<number> {
  const { values } = readOptions(args, {
    options: {
      bytes: { type: 'string', default: '4096,102400' },
      rounds: { type: 'string', default: '200' },
      broker: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  })
  const rows = await measureTransport({
    sizes: wholeNumbers(values.bytes, '--bytes', 1),
    rounds: wholeNumber(values.rounds, '--rounds', 1),
    brokerUrl: values.broker,
  })
  console.log(values.json ? JSON.stringify({ rows }, undefined, 2) : table(rows))
  return 0
}

function table(rows: readonly TransportRow[]): string {
  return textTable([
    ['bytes', 'median ms', 'p95 ms', 'MQTT.js alone ms', 'ratio'],
    ...rows.map(({ bytes, medianMs, p95Ms, plainMedianMs, ratio }) => [
      bytes,
      medianMs.toFixed(2),
      p95Ms.toFixed(2),
      plainMedianMs.toFixed(2),
      ratio.toFixed(2),
    ]),
  ])
}
