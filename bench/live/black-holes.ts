import { setTimeout as delay } from 'node:timers/promises'
import { type Announcement, parseAnnouncement } from '../../src/transport/announcement.ts'
import { ChunkAssembler } from '../../src/transport/chunk-assembler.ts'
import { decodeFrame } from '../../src/transport/frame.ts'
import type { MqttSession } from '../../src/transport/mqtt-session.ts'
import { everyWorkerTopic, workerTopic } from '../../src/transport/topics.ts'

/** Until an agent has read an announcement. */
const readMs = 50

/**
 * Workers that promise much and answer nobody. An agent leaves one alone after it was failed by it, so that there is
 * another for each request.
 */
export class BlackHoles {
  private readonly client: MqttSession
  private readonly prefix: string
  private readonly announcement: Announcement
  private count = 0
  private readonly swallowed = new Set<string>()

  /** @param like What a real worker says of the same model. */
  constructor(client: MqttSession, prefix: string, like: Uint8Array) {
    this.client = client
    this.prefix = prefix
    const announcement = parseAnnouncement(like)!
    const atOnce = announcement.models.map((model) => ({
      ...model,
      queueMs: 0,
      pictureMs: 0,
      wounds: model.wounds.map(({ id }) => ({ id, tailMs: 0.1 })),
    }))
    this.announcement = { ...announcement, models: atOnce }
  }

  /** Requests that went into one. */
  get requests(): number {
    return this.swallowed.size
  }

  async start(): Promise<void> {
    // Else a broker may say that nobody is there.
    const assembler = new ChunkAssembler()
    await this.client.subscribe(everyWorkerTopic('request', this.prefix), ({ correlationData, payload }) => {
      const key = Buffer.from(correlationData ?? []).toString('hex')
      const frame = assembler.accept(key, payload, performance.now())
      // Not what takes one back.
      if (frame !== undefined && decodeFrame(frame).kind === 'request') this.swallowed.add(key)
    })
  }

  /** The one before is gone, and another there. */
  async next(): Promise<void> {
    const options = { qos: 1, retain: true, timeoutMs: 10_000 } as const
    const topic = (n: number) => workerTopic(`hole-${n}`, 'state', this.prefix)
    const before = topic(this.count)
    this.count += 1
    await this.client.publish(topic(this.count), JSON.stringify(this.announcement), options)
    if (this.count > 1) await this.client.publish(before, '', options)
    await delay(readMs)
  }
}
