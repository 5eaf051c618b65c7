import type { DeviceAccount } from '../../bench/live/asked-device.ts'
import { type Live, lateFactor, measureLive } from '../../bench/live/measure-live.ts'
import type { Course } from '../../bench/live/process-watch.ts'
import { type BoardName, boards } from '../../lab/demo/scenario.ts'
import type { Capacity } from '../../lab/link-capacity.ts'
import { readMahimahiTrace } from '../../lab/mahimahi-trace.ts'
import { positiveNumber, readOptions } from '../../src/terminal/options.ts'
import { textTable } from '../../src/terminal/text-table.ts'
import { UsageError } from '../../src/terminal/usage-error.ts'

const boardNames = Object.keys(boards) as BoardName[]

/**
 * The same requests for an agent with a pool behind a link and for one that is alone: what is lost, late or answered
 * twice, what insurance costs behind workers that never answer, and whether memory and descriptors stay what they are.
 */
export async function benchLive(args: readonly string[]): Promise<number> {
  const { values } = readOptions(args, {
    options: {
      uplink: { type: 'string', default: '2' },
      downlink: { type: 'string', default: '20' },
      delay: { type: 'string', default: '20' },
      rate: { type: 'string', default: '2' },
      seconds: { type: 'string', default: '60' },
      board: { type: 'string', default: 'pi4' },
      'edge-slowdown': { type: 'string' },
      'black-hole': { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
    },
  })
  const board = boardNames.find((name) => name === values.board)
  if (board === undefined)
    throw new UsageError(`--board must be one of ${boardNames.join(', ')}, current value is ${values.board}`)
  const slowdown = values['edge-slowdown']
  const over = new AbortController()
  const onSignal = () => over.abort(new Error('Stopped by a signal'))
  process.once('SIGINT', onSignal)
  process.once('SIGTERM', onSignal)
  const live = await measureLive({
    board,
    edgeSlowdown: slowdown === undefined ? undefined : positiveNumber(slowdown, '--edge-slowdown'),
    uplink: await capacityOf(values.uplink),
    downlink: await capacityOf(values.downlink),
    oneWayDelayMs: positiveNumber(values.delay, '--delay'),
    ratePerS: positiveNumber(values.rate, '--rate'),
    seconds: positiveNumber(values.seconds, '--seconds'),
    blackHole: values['black-hole'],
    print: (line) => console.error(line),
    signal: over.signal,
  })
  console.log(values.json ? JSON.stringify(live, undefined, 2) : report(live))
  return 0
}

/** Mbps, or a mahimahi trace. */
async function capacityOf(text: string): Promise<Capacity> {
  const mbps = Number(text)
  return mbps > 0 ? 1e6 * mbps : readMahimahiTrace(text)
}

function report({ surgeon, local, late, meanRatio, p50Ratio, swallowed, footprints }: Live): string {
  const head = ['agent', 'asked', 'answered', 'by worker', 'errors', 'lost', 'twice']
  const answers = textTable([
    [...head, 'mean ms', 'p50 ms', 'p99 ms', 'max ms'],
    ...Object.entries({ surgeon, local }).map(([name, account]) => [name, ...cells(account)]),
  ])
  const course = ({ early, late: end, most }: Course) => [early.toFixed(0), end.toFixed(0), most.toFixed(0)]
  const processes = textTable([
    ['process', 'MB 2nd quarter', 'last quarter', 'most', 'descriptors 2nd', 'last', 'most'],
    ...footprints.map(({ name, memoryMb, descriptors }) => [
      name,
      ...course(memoryMb),
      ...course(descriptors),
    ]),
  ])
  const lines = [
    `Later than ${lateFactor} x the local p99: ${late}. Surgeon over local: mean ${meanRatio.toFixed(3)}, p50 ${p50Ratio.toFixed(3)}.`,
    ...(swallowed === undefined ? [] : [`Workers that never answer were asked ${swallowed} times.`]),
  ]
  return [answers, lines.join('\n'), ...(footprints.length === 0 ? [] : [processes])].join('\n\n')
}

function cells({
  asked,
  answered,
  byWorker,
  errors,
  lost,
  duplicates,
  ...times
}: DeviceAccount): (string | number)[] {
  const failed = Object.values(errors).reduce((sum, count) => sum + count, 0)
  const { meanMs, p50Ms, p99Ms, maxMs } = times
  const shown = [meanMs, p50Ms, p99Ms, maxMs].map((ms) => ms.toFixed(1))
  return [asked, answered, byWorker, failed, lost, duplicates, ...shown]
}
