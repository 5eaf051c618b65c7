import { collectGarbage } from '../memory/collect-garbage.ts'
import type { Model } from '../model-graph/model.ts'
import type { Segment } from '../model-graph/segment.ts'
import type { Log } from '../telemetry/log.ts'
import { Crowding } from './crowding.ts'
import type { CompileOptions, Engine, Executable, Precision } from './engine.ts'

export interface LoadedSegmentsOptions extends Omit<CompileOptions, 'precision'> {
  /** The threads may become fewer while it computes. */
  readonly mayLower: boolean
  /** What wants to run on this machine, per core. */
  readonly loadPerCore: () => number
  /** An engine is about to free memory that values may still lie in. */
  readonly beforeRelease: () => void
  readonly log: Log
}

export interface LoadedSegment {
  readonly executable: Executable
  readonly segment: Segment
  readonly precision: Precision
}

/** Compiled segments by their keys, all with the same number of threads. */
export class LoadedSegments {
  private readonly engine: Engine
  private readonly model: Model
  private readonly options: LoadedSegmentsOptions
  private readonly loaded = new Map<string, LoadedSegment>()
  private readonly crowding: Crowding
  private threads: number
  private isCrowded = false

  constructor(engine: Engine, model: Model, options: LoadedSegmentsOptions) {
    this.engine = engine
    this.model = model
    this.options = options
    this.threads = options.threads
    this.crowding = new Crowding(options.loadPerCore)
  }

  /** @throws {Error} where it is not loaded. */
  get(key: string): LoadedSegment {
    const found = this.loaded.get(key)
    if (found === undefined) throw new Error(`Cannot run segment ${key}: it is not loaded`)
    return found
  }

  /** One of the same key is replaced once the new one is compiled. */
  async load(key: string, segment: Segment, precision: Precision = 'float32'): Promise<void> {
    const { threads } = this
    const { cache } = this.options
    const executable = await this.engine.compile(this.model, segment, { threads, cache, precision })
    await this.free(key)
    this.loaded.set(key, { executable, segment, precision })
    collectGarbage()
  }

  async unload(key: string): Promise<void> {
    await this.free(key)
    this.loaded.delete(key)
  }

  /** Told of each run of a segment. */
  hasRun(key: string, ms: number): void {
    if (this.options.mayLower && this.threads > 1 && this.crowding.hasRun(key, ms)) this.isCrowded = true
  }

  /**
   * Between two runs: halves the threads of a run, for good, where they no longer have cores of their own, and compiles
   * all segments anew.
   */
  async adjust(): Promise<void> {
    if (!this.isCrowded) return
    this.isCrowded = false
    this.threads = Math.floor(this.threads / 2)
    const { engine, options, threads } = this
    options.log('warn', 'runs take twice as long under load: fewer threads', { engine: engine.name, threads })
    for (const [key, { segment, precision }] of this.loaded) {
      // What cannot be compiled anew goes on as it is.
      await this.load(key, segment, precision).catch((error: Error) =>
        options.log('warn', `segment ${key} keeps its threads`, { error }),
      )
    }
  }

  async release(): Promise<void> {
    for (const { executable } of this.loaded.values()) await executable.release()
    this.loaded.clear()
  }

  private async free(key: string): Promise<void> {
    this.options.beforeRelease()
    await this.loaded.get(key)?.executable.release()
  }
}
