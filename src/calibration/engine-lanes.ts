import type { Engine, EngineName, Executable } from '../executor/engine.ts'
import { InferenceHost } from '../executor/inference-host.ts'
import type { Model } from '../model-graph/model.ts'
import type { Segment } from '../model-graph/segment.ts'
import type { TensorValue } from '../tensor/tensor-value.ts'

export interface EngineLanesOptions {
  /** As `loadModel` finds it: each thread loads it for itself. */
  readonly model: string
  readonly engine: EngineName
  /** Threads that compute requests side by side. */
  readonly lanes: number
  /** Threads of one run. */
  readonly threads: number
}

/** Longer than several requests of the largest model on the slowest machine. */
const runLimitMs = 600_000

/**
 * An engine whose runs go to threads of their own, each to one that is free: whoever starts several at once has the processor's
 * cores compute requests of their own, which loses less than computing one together, and can work itself meanwhile.
 */
export class EngineLanes implements Engine {
  readonly name: EngineName
  private readonly hosts: readonly { readonly host: InferenceHost; pending: number }[]
  private compiled = 0

  constructor({ model, engine, lanes, threads }: EngineLanesOptions) {
    this.name = engine
    this.hosts = Array.from({ length: lanes }, () => ({
      host: new InferenceHost({ model, engine, threads, slowdown: 1 }, { runLimitMs }),
      pending: 0,
    }))
  }

  /** @throws whatever keeps a thread from loading model and engine. */
  async start(): Promise<void> {
    await Promise.all(this.hosts.map(({ host }) => host.start()))
  }

  async stop(): Promise<void> {
    await Promise.all(this.hosts.map(({ host }) => host.stop()))
  }

  /** @param _model the one that the threads have loaded. */
  async compile(_model: Model, segment: Segment): Promise<Executable> {
    const key = `${this.compiled++}`
    await Promise.all(this.hosts.map(({ host }) => host.load(key, segment)))
    return {
      run: (inputs) => this.run(key, segment, inputs),
      release: async () => {
        await Promise.all(this.hosts.map(({ host }) => host.unload(key)))
      },
    }
  }

  private async run(key: string, segment: Segment, inputs: readonly TensorValue[]): Promise<TensorValue[]> {
    const lane = this.hosts.reduce((least, other) => (other.pending < least.pending ? other : least))
    lane.pending++
    try {
      const values = inputs.map(({ shape, data }) => ({ shape, data }))
      const { values: outputs } = await lane.host.run({
        request: key,
        segments: [key],
        input: { kind: 'values', tensors: segment.inputs, values },
        output: segment.outputs,
        keep: false,
        values: true,
      })
      return [...outputs]
    } finally {
      lane.pending--
    }
  }
}
