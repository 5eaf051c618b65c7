import { programVersion } from '../src/files/program-version.ts'
import { randomWeights } from '../src/model-graph/model-choice.ts'
import type { Log } from '../src/telemetry/log.ts'
import { type Announcement, announcementRenewMs } from '../src/transport/announcement.ts'
import type { MqttSession } from '../src/transport/mqtt-session.ts'
import type { ServedModel } from './served-model.ts'
import type { Serving } from './serving.ts'

export interface AnnouncerOptions {
  readonly session: Pick<MqttSession, 'publish'>
  readonly topic: string
  readonly models: readonly ServedModel[]
  readonly leftOut: readonly Announcement['leftOut'][number][]
  readonly serving: Pick<Serving, 'bytes' | 'waitMs'>
  readonly log: Log
}

/** Says what a worker serves and expects of itself: where it has changed, and before what was said grows old. */
export class Announcer {
  private readonly options: AnnouncerOptions
  private announced = { text: '', atMs: 0 }

  constructor(options: AnnouncerOptions) {
    this.options = options
  }

  /** Nobody has heard what was said before. */
  forget(): void {
    this.announced = { text: '', atMs: 0 }
  }

  /** @param isStopping Nothing more is taken. */
  announce(isStopping: boolean): void {
    const { session, topic, models, leftOut, serving, log } = this.options
    const announcement: Announcement = {
      models: isStopping ? [] : models.map((model) => this.describe(model)),
      leftOut: [...leftOut],
      version: programVersion(),
      waitingBytes: serving.bytes,
    }
    const text = JSON.stringify(announcement)
    const nowMs = performance.now()
    if (text === this.announced.text && nowMs - this.announced.atMs < announcementRenewMs) return
    this.announced = { text, atMs: nowMs }
    session
      .publish(topic, text, {
        qos: 1,
        retain: true,
        timeoutMs: announcementRenewMs,
        expirySeconds: Math.ceil((3 * announcementRenewMs) / 1000),
      })
      .catch((error: Error) => log('warn', 'the announcement was not published', { error }))
  }

  private describe(model: ServedModel): Announcement['models'][number] {
    return {
      name: model.name,
      hash: model.hash,
      ...(model.hasRandomWeights && { weights: randomWeights }),
      engine: model.engine,
      wounds: [...model.tails.keys()].map((id) => ({ id, tailMs: model.tailMs(id) })),
      pictureMs: model.pictureMs,
      queueMs: Math.round(this.options.serving.waitMs(model.hash)),
    }
  }
}
