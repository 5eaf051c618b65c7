import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { mean, quantileSorted } from 'simple-statistics'
import type { ResultMessage } from '../../agent/request-message.ts'
import type { MqttSession } from '../../src/transport/mqtt-session.ts'
import { deviceTopic } from '../../src/transport/topics.ts'

/** What became of the requests of one device. */
export interface DeviceAccount {
  readonly asked: number
  readonly answered: number
  /** Of the answered those that a worker finished. */
  readonly byWorker: number
  /** By error code. */
  readonly errors: Readonly<Record<string, number>>
  /** Neither answered nor refused. */
  readonly lost: number
  readonly duplicates: number
  readonly meanMs: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
}

/** Asks one agent as a camera does, and keeps account of every answer. */
export class AskedDevice {
  /** From the publish to the answer, of what was answered, in the order of the answers. */
  latenciesMs: number[] = []
  private readonly camera: MqttSession
  private readonly inputTopic: string
  private readonly waiting = new Map<string, number>()
  private errors: Record<string, number> = {}
  private asked = 0
  private byWorker = 0
  private duplicates = 0

  private constructor(camera: MqttSession, inputTopic: string) {
    this.camera = camera
    this.inputTopic = inputTopic
  }

  static async of(camera: MqttSession, device: string, prefix?: string): Promise<AskedDevice> {
    const asked = new AskedDevice(camera, deviceTopic(device, 'input', prefix))
    await camera.subscribe(deviceTopic(device, 'result', prefix), ({ payload }) =>
      asked.take(JSON.parse(Buffer.from(payload).toString()) as ResultMessage),
    )
    return asked
  }

  async ask(input: Uint8Array): Promise<void> {
    const id = randomUUID()
    this.asked += 1
    this.waiting.set(id, performance.now())
    const options = { qos: 1, timeoutMs: 10_000, correlationData: Buffer.from(id) } as const
    await this.camera.publish(this.inputTopic, input, options)
  }

  /** Resolves when everything is answered, or after so long. */
  async settle(patienceMs: number): Promise<void> {
    for (let waitedMs = 0; this.waiting.size > 0 && waitedMs < patienceMs; waitedMs += 10) await delay(10)
  }

  /** Forgets what was so far. */
  restart(): void {
    this.latenciesMs = []
    this.errors = {}
    this.waiting.clear()
    this.asked = 0
    this.byWorker = 0
    this.duplicates = 0
  }

  account(): DeviceAccount {
    const sorted = this.latenciesMs.toSorted((a, b) => a - b)
    const quantile = (p: number) => (sorted.length === 0 ? Number.NaN : quantileSorted(sorted, p))
    return {
      asked: this.asked,
      answered: sorted.length,
      byWorker: this.byWorker,
      errors: this.errors,
      lost: this.waiting.size,
      duplicates: this.duplicates,
      meanMs: sorted.length === 0 ? Number.NaN : mean(sorted),
      p50Ms: quantile(0.5),
      p99Ms: quantile(0.99),
      maxMs: sorted.at(-1) ?? Number.NaN,
    }
  }

  private take(result: ResultMessage): void {
    const askedAtMs = this.waiting.get(result.id)
    if (askedAtMs === undefined) {
      this.duplicates += 1
      return
    }
    this.waiting.delete(result.id)
    if (!result.ok) {
      const { code } = result.error
      this.errors[code] = (this.errors[code] ?? 0) + 1
      return
    }
    this.latenciesMs.push(performance.now() - askedAtMs)
    if (result.finishedAt !== 'edge') this.byWorker += 1
  }
}
