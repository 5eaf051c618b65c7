import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { quantileSorted } from 'simple-statistics'
import { patienceMs } from '../../lab/patience.ts'
import { ChunkAssembler } from '../../src/transport/chunk-assembler.ts'
import { splitIntoChunks } from '../../src/transport/chunks.ts'
import { decodeFrame } from '../../src/transport/frame.ts'
import type { CrowdAgent } from './crowd-agent.ts'

/** What became of requests. */
export interface CrowdAnswers {
  readonly sent: number
  readonly offeredPerS: number
  /** Results only. */
  readonly answeredPerS: number
  readonly results: number
  /** By failure code. */
  readonly failures: Readonly<Record<string, number>>
  /** Neither answered nor refused. */
  readonly lost: number
  readonly duplicates: number
  readonly p50Ms: number
  readonly p99Ms: number
}

const expirySeconds = 30

/** Asks workers in turn on behalf of agents in turn, and keeps account of the answers. */
export class CrowdLoad {
  private readonly message: Buffer
  private readonly topics: readonly string[]
  private readonly assembler = new ChunkAssembler()
  private readonly sentAtMs = new Map<string, number>()
  private latencies: number[] = []
  private failures: Record<string, number> = {}
  private duplicates = 0

  /**
   * @param frame A request small enough for one message.
   * @param topics Of the workers.
   */
  constructor(frame: Uint8Array, topics: readonly string[]) {
    this.message = Buffer.from(splitIntoChunks(frame)[0]!)
    this.topics = topics
  }

  /** To be told of every reply. */
  readonly onReply = (correlation: Buffer, payload: Buffer): void => {
    const key = correlation.toString('hex')
    const atMs = this.sentAtMs.get(key)
    if (atMs === undefined) {
      this.duplicates += 1
      return
    }
    const nowMs = performance.now()
    const bytes = this.assembler.accept(key, payload, nowMs)
    if (bytes === undefined) return
    this.sentAtMs.delete(key)
    const frame = decodeFrame(bytes)
    if (frame.kind === 'failure') this.failures[frame.code] = (this.failures[frame.code] ?? 0) + 1
    else this.latencies.push(nowMs - atMs)
  }

  /**
   * Asks for so long at an even rate, and waits for the answers.
   * @param isRising The rate begins at 0 and ends there: programs are slow until they have been compiled.
   */
  async run(
    agents: readonly CrowdAgent[],
    ratePerS: number,
    seconds: number,
    isRising = false,
  ): Promise<CrowdAnswers> {
    this.latencies = []
    this.failures = {}
    this.duplicates = 0
    this.sentAtMs.clear()
    const beginMs = performance.now()
    let sent = 0
    for (let s = 0; s < seconds; s = (performance.now() - beginMs) / 1000) {
      const due = Math.ceil(ratePerS * (isRising ? (s * s) / (2 * seconds) : s))
      for (; sent < due; sent++)
        this.ask(agents[sent % agents.length]!, this.topics[sent % this.topics.length]!)
      await delay(2)
    }
    const sendingMs = performance.now() - beginMs
    for (let waitedMs = 0; this.sentAtMs.size > 0 && waitedMs < patienceMs; waitedMs += 10) await delay(10)
    const answeringMs = performance.now() - beginMs
    const sorted = this.latencies.toSorted((a, b) => a - b)
    const quantile = (p: number) => (sorted.length === 0 ? Number.NaN : quantileSorted(sorted, p))
    return {
      sent,
      offeredPerS: (sent / sendingMs) * 1000,
      answeredPerS: (sorted.length / answeringMs) * 1000,
      results: sorted.length,
      failures: this.failures,
      lost: this.sentAtMs.size,
      duplicates: this.duplicates,
      p50Ms: quantile(0.5),
      p99Ms: quantile(0.99),
    }
  }

  private ask(agent: CrowdAgent, topic: string): void {
    const correlationData = randomBytes(8)
    this.sentAtMs.set(correlationData.toString('hex'), performance.now())
    agent.ask({ topic, payload: this.message, correlationData, expirySeconds })
  }
}
