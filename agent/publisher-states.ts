import type { StateBinding } from '../src/answer/answer-reader.ts'
import { Turns } from '../src/async/turns.ts'
import { RecentlyUsed } from '../src/memory/recently-used.ts'
import { borderShape } from '../src/model-graph/layer-graph.ts'
import { elementCount } from '../src/tensor/element-count.ts'
import type { TensorValue } from '../src/tensor/tensor-value.ts'

/** What a publisher's last sample left for its next. */
interface Held {
  readonly turns: Turns
  values: readonly TensorValue[]
  /** When the sample came that left it. */
  atMs: number
}

/** Anybody may publish under any name: who has been silent longest is forgotten. */
const mostPublishers = 1024

/**
 * The state of a model that is run sample after sample, one for each publisher: zeros at first, after a gap, and where a
 * sample asks for it; else what the sample before gave. Samples of one publisher are therefore answered one after the
 * other. One that fails leaves the state as it was.
 */
export class PublisherStates {
  private readonly bindings: readonly StateBinding[]
  private readonly gapMs: number
  private readonly held = new RecentlyUsed<Held>(mostPublishers, () => ({
    turns: new Turns(),
    values: this.zeros(),
    atMs: Number.NEGATIVE_INFINITY,
  }))

  /** @param bindings In the order of the values. */
  constructor(bindings: readonly StateBinding[], gapMs: number) {
    this.bindings = bindings
    this.gapMs = gapMs
  }

  /**
   * Does work with a publisher's state when its turn comes.
   * @param atMs When the sample came.
   * @param work Gives its result, and the state it leaves.
   */
  inTurn<T>(
    publisher: string,
    { atMs, reset }: { readonly atMs: number; readonly reset: boolean },
    work: (state: readonly TensorValue[]) => Promise<{ result: T; state: readonly TensorValue[] }>,
  ): Promise<T> {
    const held = this.held.of(publisher)
    return held.turns.take(async () => {
      const isFresh = !reset && atMs - held.atMs <= this.gapMs
      const { result, state } = await work(isFresh ? held.values : this.zeros())
      held.values = state
      held.atMs = atMs
      return result
    })
  }

  private zeros(): TensorValue[] {
    return this.bindings.map(({ tensor }) => {
      const shape = borderShape(tensor)
      return { shape: [1, ...shape], data: new Float32Array(elementCount(shape)) }
    })
  }
}

/** Whether a message of JSON asks for a state of zeros: `"reset": true` beside what it holds. */
export function asksForReset(payload: Uint8Array): boolean {
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength)
  if (!bytes.includes('"reset"')) return false
  try {
    const json: unknown = JSON.parse(bytes.toString('utf8'))
    return typeof json === 'object' && json !== null && 'reset' in json && json.reset === true
  } catch {
    return false
  }
}
