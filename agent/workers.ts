import { type AnnouncedModel, type PooledWorker, WorkerBelief } from '../src/latency-model/worker-belief.ts'
import type { Log } from '../src/telemetry/log.ts'
import { type Announcement, announcementRenewMs, parseAnnouncement } from '../src/transport/announcement.ts'
import type { IncomingMessage } from '../src/transport/message.ts'
import { workerOf } from '../src/transport/topics.ts'

export interface WorkersOptions {
  readonly topicPrefix: string
  readonly modelHash: string
  /** Whether it is another model that this agent asks workers about. */
  readonly isElsewhere?: (announced: { readonly name: string; readonly hash: string }) => boolean
  /** The wounds there are: what is announced of others is nothing to this agent. */
  readonly wounds: ReadonlySet<string>
  readonly now: () => number
  readonly log: Log
  /** A worker is not there any more. */
  readonly onGone: (worker: string) => void
}

/** A pool is compared worker by worker for each request; who announces thousands must not stop the edge. */
const maxWorkers = 64
/** A worker renews its announcement in a third of this: one that does not has lost its power, and no will was sent. */
const oldMs = 3.5 * announcementRenewMs

/** What a worker says that no plan depends on. */
export interface WorkerSaid {
  readonly id: string
  readonly version: string | undefined
  /** Those that it serves. */
  readonly models: readonly { readonly name: string; readonly hash: string }[]
  /** It serves this agent's model. */
  readonly isOurs: boolean
}

/** The workers that announce this model, and what is believed of each. */
export class Workers {
  private readonly options: WorkersOptions
  private readonly known = new Map<string, { readonly belief: WorkerBelief; heardAtMs: number }>()
  /** All that are there, those without this model included. */
  private readonly said = new Map<string, WorkerSaid & { readonly heardAtMs: number }>()

  constructor(options: WorkersOptions) {
    this.options = options
  }

  /** A message on some worker's state topic: the topic says whose, whatever the message claims. */
  onAnnouncement(message: IncomingMessage): void {
    const { topicPrefix, log, now } = this.options
    const worker = workerOf(message.topic, 'state', topicPrefix)
    if (worker === undefined) return
    let announcement: Announcement | undefined
    try {
      announcement = parseAnnouncement(message.payload)
    } catch (error) {
      // What it said before does not hold any more, and what it says now is not understood.
      log('warn', 'ignored an announcement', { worker, error: firstLine(error) })
    }
    const model = announcement && this.modelOf(announcement)
    this.note(worker, announcement, model !== undefined)
    const known = this.known.get(worker)
    if (model === undefined) this.forget(worker, 'it said so')
    else if (known !== undefined) {
      known.belief.announce(model)
      known.heardAtMs = now()
    } else if (this.known.size < maxWorkers) {
      this.known.set(worker, { belief: new WorkerBelief(worker, model), heardAtMs: now() })
      log('info', 'a worker joined', { worker })
    } else log('warn', 'a worker is not considered', { worker, reason: `${maxWorkers} are known already` })
  }

  belief(worker: string): WorkerBelief | undefined {
    return this.known.get(worker)?.belief
  }

  snapshot(): PooledWorker[] {
    const nowMs = this.options.now()
    for (const [worker, { heardAtMs }] of this.known)
      if (nowMs - heardAtMs > oldMs) this.forget(worker, 'its announcement was not renewed')
    return [...this.known.values()].map(({ belief }) => belief.snapshot(nowMs))
  }

  /** Every worker that is there, for people. */
  get all(): readonly WorkerSaid[] {
    const nowMs = this.options.now()
    for (const [worker, { heardAtMs }] of this.said) if (nowMs - heardAtMs > oldMs) this.said.delete(worker)
    return [...this.said.values()].map(({ id, version, models, isOurs }) => ({ id, version, models, isOurs }))
  }

  /** Says once of a worker that it has other models, as nothing would ever be sent to it without a word. */
  private note(id: string, announcement: Announcement | undefined, isOurs: boolean): void {
    const before = this.said.get(id)
    if (announcement === undefined || announcement.models.length === 0) {
      this.said.delete(id)
      return
    }
    if (before === undefined && this.said.size >= maxWorkers) return
    const { version } = announcement
    const models = announcement.models.map(({ name, hash }) => ({ name, hash }))
    this.said.set(id, { id, version, models, isOurs, heardAtMs: this.options.now() })
    if (isOurs || before?.isOurs === false) return
    const { log, modelHash, isElsewhere = () => false } = this.options
    if (models.some(isElsewhere)) return
    const serves = models.map(({ name, hash }) => `${name} ${hash}`)
    log('warn', 'a worker does not serve this model', { worker: id, serves, wanted: modelHash })
  }

  private forget(worker: string, reason: string): void {
    const { log, onGone } = this.options
    if (!this.known.delete(worker)) return
    log('info', 'a worker left', { worker, reason })
    onGone(worker)
  }

  private modelOf({ models }: Announcement): AnnouncedModel | undefined {
    const { modelHash, wounds } = this.options
    const model = models.find(({ hash }) => hash === modelHash)
    if (model === undefined) return undefined
    const tailMs = new Map(
      model.wounds.filter(({ id }) => wounds.has(id)).map((wound) => [wound.id, wound.tailMs]),
    )
    return { tailMs, pictureMs: model.pictureMs, queueMs: model.queueMs }
  }
}

/** A schema's faults are many lines; one is enough for a log. */
function firstLine(error: unknown): string {
  return String(error instanceof Error ? error.message : error)
    .replaceAll(/\s+/g, ' ')
    .slice(0, 200)
}
