import { type LinkState, unlessGuess } from '../src/bandwidth-probe/link-belief.ts'
import type { EngineState } from '../src/executor/start-with-engine.ts'
import type { Metric } from '../src/telemetry/metric.ts'
import type { RequestTally } from './request-tally.ts'

/** What the agent's metrics are read from. */
export interface AgentFigures {
  readonly tally: RequestTally
  readonly link: LinkState
  /** How often the pool was reached over another network interface than before. */
  readonly linkChanges: number
  /** Of the connections to the brokers, as MQTT packets. */
  readonly wireSentBytes: number
  readonly wireReceivedBytes: number
  readonly inWork: number
  readonly workers: number
  readonly edgeFactor: number
  readonly engineRestarts: number
  readonly engine: EngineState
  /** The cache of compiled segments cannot keep all of them. */
  readonly compiledInMemory: boolean
  readonly cpuLoad: number | undefined
  readonly cpuTemperatureC: number | undefined
  readonly cpuFrequencyHz: number | undefined
  readonly isCpuThrottled: boolean | undefined
  readonly eventLoopP99Ms: number
  readonly memoryAvailableBytes: number | undefined
  readonly rssBytes: number
  readonly uptimeS: number
  /** Undefined where none is used. */
  readonly certificateDays: number | undefined
}

type AgentMetric = Metric<AgentFigures>

const upLink = ({ link }: AgentFigures) => (link.kind === 'up' ? link : undefined)

/** Everything that the agent tells of itself in numbers. */
export const agentMetrics: readonly AgentMetric[] = [
  counter('answered', 'count', 'Requests answered', ({ tally }) => tally.answered),
  counter(
    'reused',
    'count',
    'Inputs not computed, as they hardly differ from the last',
    (f) => f.tally.reused,
  ),
  counter('doubted', 'count', 'Inputs that a larger model answered', ({ tally }) => tally.doubted),
  counter(
    'failed',
    'count',
    'Requests refused or failed, without those left out for newer ones',
    ({ tally }) => tally.failed,
  ),
  counter('shed', 'count', 'Inputs left out for newer ones', ({ tally }) => tally.shed),
  counter(
    'finished_at_worker',
    'count',
    'Requests whose answer came from a worker first',
    ({ tally }) => tally.finishedAtWorker,
  ),
  counter('sent_bytes', 'bytes', 'Bytes of requests sent to workers', ({ tally }) => tally.sentBytes),
  counter(
    'wire_sent_bytes',
    'bytes',
    'All that went to the brokers, as MQTT packets',
    (f) => f.wireSentBytes,
  ),
  counter(
    'wire_received_bytes',
    'bytes',
    'All that came from the brokers, as MQTT packets',
    (f) => f.wireReceivedBytes,
  ),
  gauge('in_work', 'count', 'Requests in work', ({ inWork }) => inWork),
  gauge('answer_mean_ms', 'ms', 'Mean time of the last 100 answers', ({ tally }) => tally.answerMs?.mean),
  gauge(
    'answer_p95_ms',
    'ms',
    'Time within which 95 % of the last 100 answers came',
    ({ tally }) => tally.answerMs?.p95,
  ),
  gauge(
    'prediction_error_ms',
    'ms',
    'Mean distance of the last 100 answers from what was predicted',
    ({ tally }) => tally.predictionErrorMs,
  ),
  gauge('workers', 'count', 'Workers that serve the model of this agent', ({ workers }) => workers),
  gauge('link_up', 'yes or no', 'Whether the pool is reached', ({ link }) => (link.kind === 'up' ? 1 : 0)),
  counter(
    'link_changes',
    'count',
    'Times the pool was reached over another network interface than before',
    (f) => f.linkChanges,
  ),
  gauge(
    'uplink_bps',
    'bits per second',
    'What the link is believed to carry up, once that was measured',
    (f) => unlessGuess(upLink(f))?.uplinkBps,
  ),
  gauge(
    'round_trip_ms',
    'ms',
    'What an empty request and its answer take, once that was measured',
    (f) => unlessGuess(upLink(f))?.roundTripMs,
  ),
  gauge('backlog_bytes', 'bytes', 'Sent and not acknowledged', (f) => upLink(f)?.backlogBytes),
  gauge('edge_slowdown', 'ratio', 'Time of the edge against its profile', ({ edgeFactor }) => edgeFactor),
  counter('engine_restarts', 'count', 'Restarts of the inference thread', (f) => f.engineRestarts),
  gauge('engine_fallback', 'yes or no', 'Whether another engine than the configured one computes', (f) =>
    f.engine.reason === undefined ? 0 : 1,
  ),
  gauge('compiled_in_memory', 'yes or no', 'Whether the cache on disk is too small for all segments', (f) =>
    f.compiledInMemory ? 1 : 0,
  ),
  gauge('cpu_load', 'ratio', 'Share of all cores in use', ({ cpuLoad }) => cpuLoad),
  gauge('cpu_temperature_c', 'celsius', 'Temperature of the processor', (f) => f.cpuTemperatureC),
  gauge('cpu_frequency_hz', 'hertz', 'Clock of the first core', (f) => f.cpuFrequencyHz),
  gauge('cpu_throttled', 'yes or no', 'Whether heat or want of voltage slows the processor', (f) =>
    f.isCpuThrottled === undefined ? undefined : Number(f.isCpuThrottled),
  ),
  gauge('event_loop_p99_ms', 'ms', 'What 99 of 100 timers were at most late', (f) => f.eventLoopP99Ms),
  gauge(
    'memory_available_bytes',
    'bytes',
    'What programs of this machine can still take',
    (f) => f.memoryAvailableBytes,
  ),
  gauge('rss_bytes', 'bytes', 'Memory of the process', ({ rssBytes }) => rssBytes),
  gauge('uptime_s', 'seconds', 'Since the start of the process', ({ uptimeS }) => uptimeS),
  gauge(
    'certificate_left_s',
    'seconds',
    'Until the first certificate ends',
    (f) => f.certificateDays && 86_400 * f.certificateDays,
  ),
]

function gauge(key: string, unit: AgentMetric['unit'], help: string, read: AgentMetric['read']): AgentMetric {
  return { key, unit, help, kind: 'gauge', read }
}

function counter(
  key: string,
  unit: AgentMetric['unit'],
  help: string,
  read: AgentMetric['read'],
): AgentMetric {
  return { key, unit, help, kind: 'counter', read }
}
