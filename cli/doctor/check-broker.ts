import { setTimeout as delay } from 'node:timers/promises'
import { parseAnnouncement } from '../../src/transport/announcement.ts'
import { type Endpoint, endpointOptions } from '../../src/transport/endpoint-config.ts'
import { MqttSession } from '../../src/transport/mqtt-session.ts'
import { workerOf } from '../../src/transport/topics.ts'
import { TransportError } from '../../src/transport/transport-error.ts'
import { reachBroker } from '../reach-broker.ts'
import type { SeenWorker } from './check-workers.ts'
import { bad, type Finding, good, note } from './finding.ts'

const connectMs = 5000
const publishMs = 5000
/** In which the broker sends what it has retained. */
const retainedMs = 1000

export interface BrokerQuestion {
  /** `mqtt` or `pool`, as the configuration names it. */
  readonly name: string
  readonly endpoint: Endpoint
  readonly clientId: string
  /** Filters that the account must be granted. */
  readonly reads: readonly string[]
  /** Topics that it must be allowed to publish to; each gets an empty message that nothing comes of. */
  readonly writes: readonly string[]
  /** Whose workers are looked for; none where undefined. */
  readonly topicPrefix: string | undefined
}

/** Connects as the daemon would, and tries what its account may do. */
export async function checkBroker(
  question: BrokerQuestion,
): Promise<{ findings: Finding[]; workers: SeenWorker[] | undefined }> {
  const { name, endpoint, clientId, reads, writes, topicPrefix } = question
  const session = new MqttSession({
    ...endpointOptions(endpoint),
    clientId,
    backoff: { minMs: 250, maxMs: 1000 },
  })
  const workers: SeenWorker[] = []
  const findings: Finding[] = []
  try {
    const reason = await reachBroker(session, AbortSignal.timeout(connectMs))
    if (reason !== undefined) return { findings: [unreachable(name, endpoint, reason)], workers: undefined }
    findings.push(good(name, `${endpoint.url} is reached and lets the account in`))
    const refused: string[] = []
    for (const filter of reads) {
      await session
        .subscribe(filter, ({ topic, payload }) => {
          const id = topicPrefix === undefined ? undefined : workerOf(topic, 'state', topicPrefix)
          const said = id === undefined ? undefined : announcementOf(payload)
          if (id !== undefined && said !== undefined && said.models.length > 0)
            workers.push({ id, version: said.version, models: said.models })
        })
        .catch(() => refused.push(`read ${filter}`))
    }
    for (const topic of writes) {
      const options = { qos: 1, timeoutMs: publishMs, expirySeconds: 1 } as const
      await session.publish(topic, new Uint8Array(0), options).catch((error: unknown) => {
        if (error instanceof TransportError && error.code === 'refused') refused.push(`write ${topic}`)
      })
    }
    findings.push(rights(name, refused, reads.length + writes.length))
    if (topicPrefix !== undefined) await delay(retainedMs)
    return { findings, workers: topicPrefix === undefined ? undefined : workers }
  } finally {
    await session.stop()
  }
}

export function rights(name: string, refused: readonly string[], tried: number): Finding {
  const about = `${name} rights`
  if (refused.length === 0)
    return tried === 0
      ? note(about, 'Not tried, as that would disturb a worker that runs with this account')
      : good(about, `The account may do what was tried (${tried} topics)`)
  return bad(
    about,
    `The account may not ${refused.join(', ')}`,
    'Give it these rights: broker-config/README.md has the role of each kind of account.',
  )
}

export function unreachable(
  name: string,
  { url, ca }: Pick<Endpoint, 'url' | 'ca'>,
  reason: string,
): Finding {
  return bad(name, `${url} is not reached: ${reason}`, howToReach(name, url, ca, reason))
}

/** The first that fits the words of Node, OpenSSL and brokers. */
function howToReach(name: string, url: string, ca: string | undefined, reason: string): string {
  const { host, hostname } = new URL(url)
  if (/not authorized|bad user name/i.test(reason))
    return `Correct ${name}.username and its password, or make the account at the broker.`
  if (/certificate|self-signed|issuer/i.test(reason))
    return ca === undefined
      ? `Set ${name}.ca to the PEM file of the authority that signed the broker's certificate.`
      : `${ca} must be of the authority that signed the broker's certificate, and the certificate must name ${hostname}.`
  if (/ECONNRESET|SSL|wrong version|closed/i.test(reason))
    return `The port may be of another kind: mqtts:// where the broker speaks TLS (usually 8883), mqtt:// where it does not (1883).`
  if (/ENOTFOUND|EAI_AGAIN/.test(reason)) return `Correct the name ${hostname}, or this machine's DNS.`
  if (/ECONNREFUSED/.test(reason)) return `Start the broker; nothing listens at ${host}.`
  return `See whether this machine reaches ${host} at all, and what the broker's log says.`
}

function announcementOf(payload: Uint8Array) {
  try {
    return parseAnnouncement(payload)
  } catch {
    return undefined
  }
}
