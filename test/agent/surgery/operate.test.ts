import { expect, test } from 'vitest'
import { operate } from '../../../agent/surgery/operate.ts'
import { VirtualClock } from '../../../lab/replay/virtual-clock.ts'
import { openVirtualThread } from '../../../lab/replay/virtual-engine.ts'
import { InferenceHost } from '../../../src/executor/inference-host.ts'
import { type Conditions, noBackend, predict, type Resume } from '../../../src/scheduler/choose-plan.ts'
import type { PlanPoint } from '../../../src/scheduler/plan-point.ts'
import { toySetup } from '../../scheduler/toy-setup.ts'

const { chain } = toySetup()
const deadlineMs = 2000
const segmentMs = [40, 60]

const points: readonly PlanPoint[] = [
  { wound: 'input', codec: 'received', inputMs: 4, headMs: 0, encodeMs: 0, localTailMs: 100 },
  { wound: 'middle', codec: 'uint8', inputMs: 4, headMs: 40, encodeMs: 1, localTailMs: 60 },
].map((point) => ({
  ...point,
  sendMs: 0,
  bytes: 100,
  backendDecode: 'none' as const,
  backendDecodeMs: 0,
  backendTailMs: 5,
  resultBytes: 100,
}))

interface Watch {
  /** Told of each segment as it begins. */
  readonly onSegment?: (key: string) => void
  /** Told as a worker is asked. */
  readonly onAsked?: () => void
}

/** A worker that never answers, of which an answer was expected after half a minute. */
async function answeredAtMs(
  point: PlanPoint,
  resume: Resume,
  others: number,
  { onSegment, onAsked }: Watch = {},
): Promise<number> {
  const clock = new VirtualClock()
  const inference = new InferenceHost(
    { model: 'toy', engine: 'onnxruntime', threads: 1, slowdown: 1 },
    {
      now: clock.now,
      open: openVirtualThread({
        clock,
        outputs: [],
        segmentMs: (key) => {
          onSegment?.(key)
          return segmentMs[chain.segments.findIndex((segment) => segment.key === key)]!
        },
        encodeMs: () => 1,
        encodedBytes: () => 100,
      }),
    },
  )
  await inference.start()
  const link = {
    uplinkBps: 1e6,
    downlinkBps: 1e6,
    roundTripMs: 30_000,
    backlogBytes: 0,
    relativeDeviation: 1,
  }
  const conditions: Conditions = { edgeFactor: 1, edgeWaitMs: 0, link, resume, ...noBackend }
  let endMs = Number.NaN
  const { signal } = new AbortController()
  const surgery = operate(
    {
      chain,
      inference,
      exchange: {
        request: () => {
          onAsked?.()
          return new Promise(() => undefined)
        },
      },
      outputShapes: [],
      clock,
      segmentMs: (index) => segmentMs[index]!,
      onEdgeRun: () => undefined,
    },
    {
      id: 'asked',
      plannedAtMs: 0,
      plan: predict(point, conditions),
      worker: {} as never,
      input: async () => ({ kind: 'values', values: [] }),
      encodedInput: async () => [new Uint8Array(100)],
      resume,
      remoteOnly: false,
      deadlineMs,
      signal,
      onQueued: () => undefined,
      onSending: () => undefined,
      measured: { totalMs: 0, sentBytes: 0 },
    },
  )
  void surgery.then(({ finishedAt }) => {
    expect(finishedAt).toBe('edge')
    endMs = clock.now()
  })
  // Heads of others keep the engine busy: insurance waits for as long as they come.
  for (let i = 0; i < others; i++)
    clock.schedule(i * 41, () => {
      void inference.run({
        request: `other-${i}`,
        segments: [chain.segments[0]!.key],
        input: { kind: 'values', values: [], tensors: chain.crossing(0) },
        output: chain.crossing(1),
        keep: false,
        values: true,
      })
    })
  await clock.runUntil(3 * deadlineMs)
  await inference.stop()
  return endMs
}

test.each(points)(
  'operate(): a worker that is given half a minute is not waited for until the edge could not finish $wound in time',
  async (point) => {
    expect(await answeredAtMs(point, 'when-late', 0)).toBeLessThanOrEqual(deadlineMs)
    expect(await answeredAtMs(point, 'when-late', 0)).toBeGreaterThan(0.8 * deadlineMs)
    expect(await answeredAtMs(point, 'at-once', 0)).toBeLessThanOrEqual(101)
    expect(await answeredAtMs(point, 'at-once', 100)).toBeLessThanOrEqual(deadlineMs)
  },
)

test('operate(): the engine has gone on from the head before a worker is asked', async () => {
  const order: string[] = []
  const watch = { onSegment: (key: string) => order.push(key), onAsked: () => order.push('asked') }
  await answeredAtMs(points[1]!, 'at-once', 0, watch)
  expect(order).toEqual([...chain.segments.map(({ key }) => key), 'asked'])
})
