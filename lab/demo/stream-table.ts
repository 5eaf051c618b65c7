import { textTable } from '../../src/terminal/text-table.ts'
import { type PolicyName, policyTitles, streamPolicies } from './scenario.ts'
import type { StreamSummary } from './stream-summary.ts'
import type { Row } from './summary.ts'

/** The widest bar, of one second's frames. */
const barColumns = 30
/** In the order of how much the edge does. */
const signs = { input: '>', middle: '+', local: '#', shed: '.' } as const

type Kind = keyof typeof signs

function kindOf({ result }: Row): Kind {
  if (!result?.ok) return 'shed'
  const { wound } = result.plan
  return wound === 'input' || wound === 'local' ? wound : 'middle'
}

/** One line a second: the mix of what became of that second's frames, one sign each. */
export function streamProgress(policy: PolicyName, print: (line: string) => void): (row: Row) => void {
  print(`\n${policyTitles[policy]}: one sign a frame, > as it came, + cut in the middle, # local, . left out`)
  let second: Row[] = []
  let beganMs = performance.now()
  return (row) => {
    second.push(row)
    if (performance.now() - beganMs < 1000) return
    const counts = Object.keys(signs).map((kind) => second.filter((each) => kindOf(each) === kind).length)
    const bar = Object.values(signs)
      .map((sign, i) => sign.repeat(Math.round((barColumns * counts[i]!) / Math.max(30, second.length))))
      .join('')
    const answered = second.filter(({ result }) => result?.ok)
    const slowestMs = Math.max(0, ...answered.map(({ latencyMs }) => latencyMs!))
    const link = row.uplinkMbps === 0 ? 'dead' : `${row.uplinkMbps} Mbps`
    print(
      `${link.padEnd(8)} ${bar.padEnd(barColumns + 2)} ${String(answered.length).padStart(3)} answers, slowest ${slowestMs.toFixed(0)} ms`,
    )
    second = []
    beganMs = performance.now()
  }
}

export function streamTable(summary: StreamSummary): string {
  const { policies: played, edgeSlowdown, workSlowdown, eventLoopP99Ms, boundsPerS, cut } = summary
  const rows = streamPolicies.map((policy) => {
    const { answersPerS, shareOfBound, p50Ms, p95Ms, maxMs, bytes, shed, lost } = played[policy]
    return [
      policyTitles[policy],
      answersPerS.toFixed(1),
      `${(100 * shareOfBound).toFixed(0)} %`,
      p50Ms.toFixed(0),
      p95Ms.toFixed(0),
      maxMs.toFixed(0),
      (bytes / 1000).toFixed(0),
      shed,
      lost,
    ]
  })
  const phases = played.surgeon.phases.map(({ uplinkMbps, seconds }) =>
    uplinkMbps === 0 ? `dead, ${seconds} s` : `${uplinkMbps}, ${seconds} s`,
  )
  const perPhase = streamPolicies.map((policy) => [
    policyTitles[policy],
    ...played[policy].phases.map(({ answersPerS }) => answersPerS.toFixed(1)),
  ])
  const plans = Object.entries(played.surgeon.plans).toSorted(([, a], [, b]) => b - a)
  return [
    '',
    'The same 30 frames a second over the same link, from the camera and back:',
    '',
    textTable(
      [['', 'a second', 'of bound', 'p50 ms', 'p95 ms', 'worst', 'kB', 'left out', 'lost'], ...rows],
      80,
    ),
    '',
    'Answers a second while the link was (Mbps, for so many seconds)',
    '',
    textTable(
      [['', ...phases], ...perPhase, ['exact bound', ...boundsPerS.map((perS) => perS.toFixed(1))]],
      80,
    ),
    '',
    `The one cut is ${cut}, where surgeon cut most; its edge has no more than the head.`,
    `Edge slowed down ${edgeSlowdown.toFixed(1)} times, its other work ${workSlowdown} times. Agent's event loop: p99 delay ${eventLoopP99Ms.toFixed(1)} ms.`,
    'Plans of surgeon:',
    ...plans.map(([plan, count]) => `  ${String(count).padStart(4)} x ${plan}`),
  ].join('\n')
}
