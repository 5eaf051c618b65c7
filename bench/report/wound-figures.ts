import { mean, median } from 'simple-statistics'
import type { MeasuredRuns } from './measured-runs.ts'

/** The link between the two machines. */
export interface ReportLink {
  readonly uplinkBps: number
  readonly downlinkBps: number
  readonly roundTripMs: number
}

export interface FigureOptions {
  /** How many times slower the edge is than it was measured: 1, or what stands for another board. */
  readonly edgeFactor: number
  readonly link: ReportLink
  /** The encoded input, such as a JPEG, which the worker decodes. */
  readonly inputBytes: number
  readonly inputDecodeMs: number
  /** Of the answer on its way back. */
  readonly answerBytes: number
}

/** What crosses, in how many bytes. */
export interface CrossingBytes {
  readonly float32: number
  readonly uint8: number
  /** The fewest within the accuracy budget, where the model is calibrated at that wound. */
  readonly calibrated: number | undefined
}
export const codings = ['float32', 'uint8', 'calibrated'] as const
export type Coding = (typeof codings)[number]

export interface WoundFigure {
  readonly wound: string
  readonly headMs: number
  readonly tailMs: number
  /** Head and tail of the first run and of the others, on average; the edge's own machine. */
  readonly firstHeadMs: number
  readonly laterHeadMs: number
  readonly bytes: CrossingBytes
  /** By coding, undefined where there is none: what crosses, how long, and the whole until the answer is there. */
  readonly transferMs: Readonly<Record<Coding, number | undefined>>
  readonly totalMs: Readonly<Record<Coding, number | undefined>>
  /** Time of the edge alone over that. */
  readonly acceleration: Readonly<Record<Coding, number | undefined>>
  /** The uplink from which on the cut is no slower than the edge alone; undefined where none is enough. */
  readonly leastBps: Readonly<Record<Coding, number | undefined>>
}

export interface ReportFigures {
  /** The whole model on either machine, milliseconds. */
  readonly edgeMs: number
  readonly workerMs: number
  readonly wounds: readonly WoundFigure[]
  /** Sending the input as it is encoded. */
  readonly baseline: {
    readonly totalMs: number
    readonly acceleration: number
    readonly leastBps: number | undefined
  }
}

/** Everything that the charts show, from what both machines were measured to take. Medians without the first run. */
export function woundFigures(
  edge: MeasuredRuns,
  worker: MeasuredRuns,
  calibratedBytes: ReadonlyMap<string, number>,
  options: FigureOptions,
): ReportFigures {
  const { edgeFactor, link, inputBytes, inputDecodeMs } = options
  const edgeMs = edgeFactor * steady(edge.wholeMs)
  const workerMs = steady(worker.wholeMs)
  const atWorker = new Map(worker.wounds.map((wound) => [wound.id, wound]))
  const wounds = edge.wounds.flatMap(({ id, bytes, headMs: heads }): WoundFigure[] => {
    const other = atWorker.get(id)
    if (other === undefined) return []
    const headMs = edgeFactor * steady(heads)
    const tailMs = steady(other.tailMs)
    const crossing = { float32: bytes, uint8: bytes / 4, calibrated: calibratedBytes.get(id) }
    const byCoding = (of: (bytes: number) => number | undefined) =>
      ({
        float32: of(crossing.float32),
        uint8: of(crossing.uint8),
        calibrated: crossing.calibrated === undefined ? undefined : of(crossing.calibrated),
      }) satisfies Record<Coding, number | undefined>
    const totalMs = (sent: number) => headMs + transferMs(sent, options) + tailMs
    return [
      {
        wound: id,
        headMs,
        tailMs,
        firstHeadMs: edgeFactor * heads[0]!,
        laterHeadMs: edgeFactor * mean(heads.slice(1)),
        bytes: crossing,
        transferMs: byCoding((sent) => transferMs(sent, options)),
        totalMs: byCoding(totalMs),
        acceleration: byCoding((sent) => edgeMs / totalMs(sent)),
        leastBps: byCoding((sent) => leastBps(sent, edgeMs - headMs - tailMs, options)),
      },
    ]
  })
  const baselineMs = transferMs(inputBytes, options) + inputDecodeMs + workerMs
  return {
    edgeMs,
    workerMs,
    wounds,
    baseline: {
      totalMs: baselineMs,
      acceleration: edgeMs / baselineMs,
      leastBps: leastBps(inputBytes, edgeMs - inputDecodeMs - workerMs, { ...options, link }),
    },
  }
}

/** Milliseconds until the answer is back, but for what computes. */
export function transferMs(bytes: number, { link, answerBytes }: FigureOptions): number {
  return link.roundTripMs + (8000 * bytes) / link.uplinkBps + (8000 * answerBytes) / link.downlinkBps
}

/** The talk's formula charged every byte in both directions; here the cut goes up and the answer comes down. */
function leastBps(bytes: number, spareMs: number, { link, answerBytes }: FigureOptions): number | undefined {
  const leftMs = spareMs - link.roundTripMs - (8000 * answerBytes) / link.downlinkBps
  return leftMs <= 0 ? undefined : (8000 * bytes) / leftMs
}

/** The median of all runs but the first. */
function steady(times: readonly number[]): number {
  return median(times.slice(1))
}
