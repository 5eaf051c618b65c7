import { ByteBudget } from '../src/executor/byte-budget.ts'
import type { InferenceHost } from '../src/executor/inference-host.ts'
import type { SegmentChain } from '../src/executor/segment-chain.ts'
import { cut, divide } from '../src/model-graph/cut.ts'
import type { LayerGraph } from '../src/model-graph/layer-graph.ts'
import type { Segment } from '../src/model-graph/segment.ts'
import type { Wound } from '../src/model-graph/wound.ts'
import type { Log } from '../src/telemetry/log.ts'
import { elementCount } from '../src/tensor/element-count.ts'

export interface TailCacheOptions {
  readonly graph: LayerGraph
  readonly chain: SegmentChain
  readonly inference: Pick<InferenceHost, 'idle' | 'load' | 'unload'>
  /** Weights of whole tails that may be held beside the chain's. */
  readonly tailBytes: number
  readonly now: () => number
  readonly log: Log
}

/**
 * Whole tails, which run a few per cent faster than the chain's segments, as far as a budget of bytes goes. A wound
 * whose tail is not there is served at once from the chain, with a short segment of its own up to the chain's next
 * border where it is not a border itself; its tail is compiled when the thread has nothing else to do.
 */
export class TailCache {
  private readonly options: TailCacheOptions
  private readonly tails: ByteBudget
  private readonly bridges: ByteBudget
  private readonly wanted = new Map<string, Wound>()
  /** Tails that are compiled: one that is being compiled has its bytes in the budget already. */
  private readonly ready = new Set<string>()
  private warming = false
  /** When the thread is expected to have compiled what it compiles now, or has been last. */
  compiledAtMs = 0
  /** Of the last tail. */
  private compileMs = 0

  constructor(options: TailCacheOptions) {
    this.options = options
    this.tails = new ByteBudget(options.tailBytes)
    this.bridges = new ByteBudget(options.tailBytes)
  }

  /** Compiles a wound's whole tail if the budget allows one of its size; what was used least recently goes. */
  async warm(wound: Wound): Promise<void> {
    const { graph, inference, log, now } = this.options
    const { tail } = cut(graph, wound)
    const bytes = weightBytes(graph, tail)
    if (this.tails.has(wound.id) || !this.tails.fits(bytes)) return
    const evicted = this.tails.add(wound.id, bytes)
    for (const id of evicted) this.ready.delete(id)
    try {
      for (const id of evicted) await inference.unload(tailKey(id))
      const beginMs = now()
      this.compiledAtMs = beginMs + this.compileMs
      await inference.load(tailKey(wound.id), tail)
      this.compiledAtMs = now()
      this.compileMs = this.compiledAtMs - beginMs
      this.ready.add(wound.id)
      log('debug', 'a tail was compiled', { wound: wound.id })
    } catch (error) {
      this.tails.remove(wound.id)
      throw error
    }
  }

  /** Keys of the loaded segments that finish from a wound, to run one after the other. */
  async segmentsFor(wound: Wound): Promise<readonly string[]> {
    const { chain } = this.options
    if (this.tails.use(wound.id) && this.ready.has(wound.id)) return [tailKey(wound.id)]
    this.wanted.set(wound.id, wound)
    const place = chain.wounds.findIndex(({ id }) => id === wound.id)
    if (place >= 0) return keysFrom(chain, place)
    return this.bridged(wound)
  }

  /** Compiles one wanted tail when nothing runs. Call it when no request waits. */
  warmWhenIdle(): void {
    const next = this.wanted.values().next().value
    if (next === undefined || this.warming || !this.options.inference.idle) return
    this.wanted.delete(next.id)
    this.warming = true
    this.warm(next)
      .catch((error: Error) => this.options.log('warn', 'a tail was not compiled', { wound: next.id, error }))
      .finally(() => {
        this.warming = false
      })
  }

  private async bridged(wound: Wound): Promise<readonly string[]> {
    const { graph, chain, inference } = this.options
    const inHead = (border: Wound) => {
      const layers = new Set(border.head)
      return wound.head.every((layer) => layers.has(layer))
    }
    const place = chain.wounds.findIndex(inHead)
    const border = chain.wounds[place]!
    const isLast = place === chain.segments.length
    const bridge = isLast ? cut(graph, wound).tail : divide(graph, [wound, border])[1]!
    const key = `${wound.id}..${border.id}`
    if (!this.bridges.use(key)) {
      const bytes = Math.min(weightBytes(graph, bridge), this.options.tailBytes)
      for (const evicted of this.bridges.add(key, bytes)) await inference.unload(evicted)
      await inference.load(key, bridge)
    }
    return [key, ...(isLast ? [] : keysFrom(chain, place))]
  }
}

function keysFrom(chain: SegmentChain, place: number): string[] {
  return chain.segments.slice(place).map(({ key }) => key)
}

function tailKey(wound: string): string {
  return `${wound}..`
}

function weightBytes(graph: LayerGraph, segment: Segment): number {
  const shapes = segment.layers.flatMap((layer) => graph.layers[layer]!.weights).map(({ shape }) => shape)
  return shapes.reduce((sum, shape) => sum + 4 * elementCount(shape), 0)
}
