import type { LiveModel, LiveState } from '../../src/dashboard/live-state.ts'
import { rights, unreachable } from './check-broker.ts'
import { bad, type Finding, good, note, warning } from './finding.ts'

/** Fewer answers say nothing of predictions. */
const fewestAnswers = 10
/** Predictions that are off by a larger share of the answers' time are told. */
const mostError = 0.5
/** As with predictions, of all requests. */
const mostFailed = 0.05

/** What a running agent says of its brokers, its engine, its link and its answers. */
export function checkRunning({ connections, models, link, metrics }: LiveState): Finding[] {
  return [
    good('agent', `It has run for ${Math.round((metrics['uptime_s'] ?? 0) / 60)} min`),
    ...connections.flatMap(({ name, url, isOnline, reason, refused }) =>
      isOnline
        ? [
            good(name, `The agent is connected to ${url}`),
            ...(refused.length === 0
              ? []
              : [
                  rights(
                    name,
                    refused.map((filter) => `read ${filter}`),
                    1,
                  ),
                ]),
          ]
        : [unreachable(name, { url }, reason ?? 'it is being tried')],
    ),
    ...models.map((model) => checkEngineUsed(model)),
    checkLink(link, metrics),
    ...checkAnswers(metrics),
  ]
}

function checkLink(link: string, metrics: LiveState['metrics']): Finding {
  const { uplink_bps: bps, round_trip_ms: ms } = metrics
  if (!link.startsWith('up'))
    return note('link', `It is ${link}`, 'Requests are answered on the edge until it is up.')
  return bps === undefined || ms === undefined
    ? note('link', 'Up; how fast it is will be measured once a worker is there')
    : good('link', `Up: ${(bps / 1e6).toPrecision(3)} Mbps, ${ms.toFixed(1)} ms round trip`)
}

function checkEngineUsed({ name, engine, engineReason: reason }: LiveModel): Finding {
  if (reason === undefined)
    return good('engine', engine === 'none' ? `Only workers compute ${name}` : `${engine} computes ${name}`)
  const mend = 'Mend that or set engine to what computes; surgeon bench engines tells what runs here.'
  const found = `${engine} computes instead of the configured engine: ${reason}`
  return engine === 'none' ? bad('engine', found, mend) : warning('engine', found, mend)
}

/** Failures, and predicted against measured. */
function checkAnswers(metrics: LiveState['metrics']): Finding[] {
  const { answered = 0, failed = 0, answer_mean_ms: mean, prediction_error_ms: error } = metrics
  const findings: Finding[] = []
  if (failed > mostFailed * (answered + failed))
    findings.push(
      warning(
        'answers',
        `${failed} of ${answered + failed} requests were refused or failed`,
        'The last ones are on the dashboard with their codes; docs/protocol.md says what each means.',
      ),
    )
  if (answered < fewestAnswers || mean === undefined || error === undefined)
    return [...findings, note('predictions', `${answered} answers so far: too few to judge predictions by`)]
  const found = `The last answers took ${mean.toFixed(1)} ms on average and were predicted to within ${error.toFixed(1)} ms`
  findings.push(
    error <= mostError * mean
      ? good('predictions', found)
      : warning(
          'predictions',
          found,
          'Something else uses the processor or the link by fits and starts, or a worker is not as it says: see edge slowdown and the last requests on the dashboard; surgeon profile measures anew.',
        ),
  )
  return findings
}
