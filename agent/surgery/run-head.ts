import { sum } from 'simple-statistics'
import { expectedMs, type Instruments, type Surgery } from './surgery.ts'

/** What crosses at wound `place`, encoded; the values themselves stay with the engine. */
export async function runHead(
  instruments: Instruments,
  surgery: Surgery,
  place: number,
): Promise<readonly Uint8Array[]> {
  const { chain, inference, onEdgeRun } = instruments
  const { id, plan, input, signal, measured, onQueued } = surgery
  const given = await input()
  const running = inference.run(
    {
      request: id,
      segments: chain.segments.slice(0, place).map((segment) => segment.key),
      input: { ...given, tensors: chain.crossing(0) },
      output: chain.crossing(place),
      keep: true,
      encode: { codec: plan.point.codec, wound: plan.point.wound },
      values: false,
    },
    { signal, expectedMs: expectedMs(instruments, 0, place) + plan.point.encodeMs },
  )
  onQueued()
  const reply = await running
  measured.engineWaitMs = reply.queueMs
  measured.headMs = sum(reply.segmentMs)
  measured.encodeMs = reply.encodeMs
  onEdgeRun(0, place, measured.headMs)
  return reply.encoded.map(({ bytes }) => bytes)
}
