import type { ModelCard } from '../src/codec/model-card.ts'
import type { Log } from '../src/telemetry/log.ts'
import type { EdgeModel } from './edge-model.ts'
import type { WorkerSaid } from './workers.ts'

export interface LargerModelsOptions {
  /** Every worker that is there. */
  readonly workers: () => readonly WorkerSaid[]
  /** Asks a worker for the card of a model that it serves. */
  readonly askCard: (worker: string, hash: string) => Promise<ModelCard>
  /** Has requests answered by it from now on. @throws {Error} where it is of no use. */
  readonly start: (card: ModelCard) => Promise<EdgeModel>
  readonly now: () => number
  readonly log: Log
}

interface Wanted {
  model: EdgeModel | undefined
  /** Nobody is asked again before. */
  nextMs: number
  isAsking: boolean
}

/** A worker that could not tell may have been replaced by then. */
const retryMs = 30_000

/**
 * Models that only workers hold, by the name that these announce: nothing of them is in the configuration or on disk. What
 * must be known of one is asked of a worker when it is first wanted; whoever wants it does not wait for that.
 */
export class LargerModels {
  private readonly options: LargerModelsOptions
  private readonly wanted = new Map<string, Wanted>()
  /** By hash, as one may be wanted by its name and by its hash. */
  private readonly started = new Map<string, Promise<EdgeModel>>()

  constructor(options: LargerModelsOptions) {
    this.options = options
  }

  /** Those that are known. */
  get known(): readonly EdgeModel[] {
    const models = [...this.wanted.values()].flatMap(({ model }) => (model === undefined ? [] : [model]))
    return [...new Set(models)]
  }

  /** @param name As announced, or its hash. Undefined where no worker has it, or it is not known yet. */
  get(name: string): EdgeModel | undefined {
    const wanted = this.wanted.get(name) ?? { model: undefined, nextMs: 0, isAsking: false }
    this.wanted.set(name, wanted)
    const announced = this.options
      .workers()
      .flatMap(({ id, models }) => models.map((model) => ({ worker: id, ...model })))
      .filter((model) => model.name === name || model.hash === name)
    const isThere = announced.some(({ hash }) => hash === wanted.model?.hash)
    const [first] = announced
    // Another model of that name may have taken its place.
    if (!isThere && first !== undefined) void this.learn(name, wanted, first)
    return isThere ? wanted.model : undefined
  }

  private async learn(
    name: string,
    wanted: Wanted,
    { worker, hash }: { readonly worker: string; readonly hash: string },
  ): Promise<void> {
    const { now, log } = this.options
    if (wanted.isAsking || now() < wanted.nextMs) return
    wanted.isAsking = true
    try {
      wanted.model = await this.startOnce(worker, hash)
      log('info', 'a larger model is known', { model: name, hash, worker })
    } catch (error) {
      wanted.nextMs = now() + retryMs
      log('warn', 'a larger model cannot be asked', { model: name, worker, error })
    } finally {
      wanted.isAsking = false
    }
  }

  /** Once, whoever wants it by whatever name. */
  private startOnce(worker: string, hash: string): Promise<EdgeModel> {
    const { askCard, start } = this.options
    const known = this.started.get(hash)
    if (known !== undefined) return known
    const model = askCard(worker, hash).then(start)
    this.started.set(hash, model)
    model.catch(() => this.started.delete(hash))
    return model
  }
}
