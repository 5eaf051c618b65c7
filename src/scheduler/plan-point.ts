import type { Precision } from '../executor/engine.ts'

/**
 * One way to answer: a wound and a codec, with what it costs before any link is known. Milliseconds are as profiled or
 * announced; a prediction multiplies each kind by how much slower that kind is now.
 */
export interface PlanPoint {
  readonly wound: string
  /** Of the local plan, where nothing crosses, `none`, or the precision it is computed in. */
  readonly codec: string
  /**
   * Making the model's input of the message: on the edge, beside the engine; as it was seen to take, not profiled. Before
   * the head, or where there is none, before the local tail.
   */
  readonly inputMs: number
  /** The head's layers on the edge. */
  readonly headMs: number
  /** Encoding what crosses, which holds the engine's thread. */
  readonly encodeMs: number
  /** Encoding the input itself, which does not. */
  readonly sendMs: number
  /** Payload that goes up. */
  readonly bytes: number
  /**
   * In which the edge computes, `float32` where absent. Others are measured of whole models alone: an edge that has
   * computed a head in float32 finishes in float32.
   */
  readonly precision?: Precision
  /** The layers that are left, on the edge: what finishing locally costs once the head is done. */
  readonly localTailMs: number
  /** What the worker decodes, and how long that takes it. */
  readonly backendDecode: 'picture' | 'features' | 'none'
  readonly backendDecodeMs: number
  /** The layers that are left, on a worker. */
  readonly backendTailMs: number
  /** Payload that comes back. */
  readonly resultBytes: number
}

/** The name of the first wound, of the last, and of the codec that goes with the last. */
export const inputWound = 'input'
export const localWound = 'local'
const noCodec = 'none'

/** `local`, with its precision where that is not float32, or wound and codec. */
export function planName({ wound, codec }: Pick<PlanPoint, 'wound' | 'codec'>): string {
  return codec === noCodec ? wound : `${wound}/${codec}`
}

/** The all-local plan of a model that takes `wholeMs` on the edge, once its input is made. */
export function localPoint(wholeMs: number, inputMs = 0, precision: Precision = 'float32'): PlanPoint {
  return {
    wound: localWound,
    codec: precision === 'float32' ? noCodec : precision,
    precision,
    inputMs,
    headMs: wholeMs,
    encodeMs: 0,
    sendMs: 0,
    bytes: 0,
    localTailMs: 0,
    backendDecode: 'none',
    backendDecodeMs: 0,
    backendTailMs: 0,
    resultBytes: 0,
  }
}

/** Whether the engine has work before anything is sent: it needs the model's input, then. */
export function computesFirst({ headMs, encodeMs }: PlanPoint): boolean {
  return headMs + encodeMs > 0
}

/**
 * Drops every point that another one matches or beats in everything it costs, edge, bytes and worker by kind of work:
 * no link and no slowness makes such a point the best. O(n^2) on a few dozen points.
 */
export function paretoPoints(points: readonly PlanPoint[]): PlanPoint[] {
  const costs = (point: PlanPoint) => [
    // Sending the input needs no input of the model's: its engine time is 0 and it does not wait for one.
    (computesFirst(point) ? point.inputMs : 0) + point.headMs + point.encodeMs,
    point.sendMs,
    point.bytes,
    point.backendDecode === 'picture' ? point.backendDecodeMs : 0,
    point.backendDecode === 'picture' ? 0 : point.backendDecodeMs,
    point.backendTailMs,
    (computesFirst(point) ? 0 : point.inputMs) + point.encodeMs + point.headMs + point.localTailMs,
  ]
  const priced = points.map((point) => ({ point, costs: costs(point) }))
  const dominates = (a: readonly number[], b: readonly number[]) => a.every((cost, k) => cost <= b[k]!)
  return priced
    .filter(
      (one, i) =>
        !priced.some(
          (other, j) =>
            j !== i && dominates(other.costs, one.costs) && (j < i || !dominates(one.costs, other.costs)),
        ),
    )
    .map(({ point }) => point)
}
