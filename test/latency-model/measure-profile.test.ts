import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { measured } from '../../src/async/measured.ts'
import type { RunReply, RunRequest } from '../../src/executor/inference-protocol.ts'
import { segmentChain } from '../../src/executor/segment-chain.ts'
import { measureProfile } from '../../src/latency-model/measure-profile.ts'
import { loadModel } from '../../src/model-graph/load-model.ts'
import { plannedWounds } from '../../src/scheduler/candidate-wounds.ts'
import { repositoryRoot } from '../paths.ts'

const { graph } = await loadModel(fileURLToPath(new URL('models/mobilenetv2', repositoryRoot)))
const chain = segmentChain(graph, plannedWounds(graph))
const subject = { modelHash: 'h', engine: 'onnxruntime', threads: 1, slowdown: 1 } as const
const input = { shape: [1], data: new Float32Array(1) }

/** An engine whose n-th run takes n ms, until it fails. */
function engine(failsAt = Number.POSITIVE_INFINITY) {
  const requests: RunRequest[] = []
  const dropped: string[] = []
  const run = async (request: RunRequest): Promise<RunReply> => {
    requests.push(request)
    if (requests.length === failsAt) throw new Error('failed')
    const ms = requests.length
    return { values: [], encoded: [], segmentMs: request.segments.map(() => ms), decodeMs: 0, encodeMs: ms }
  }
  return { requests, dropped, run, drop: (request: string) => dropped.push(request) }
}

test('measured leaves out what warms up', async () => {
  let n = 0
  expect(await measured({ warmUp: 2, measured: 3 }, async () => n++)).toEqual([2, 3, 4])
  n = 0
  expect(await measured({ warmUp: 2, measured: 3, enoughMs: 0 }, async () => n++)).toEqual([1])
  n = 0
  expect(await measured({ warmUp: 0, measured: 3, enoughMs: 0 }, async () => n++)).toEqual([0])
})

test('measureProfile takes medians of warm runs of each segment and codec, and keeps nothing', async () => {
  const wound = chain.wounds[1]!.id
  const used = engine()
  const profile = await measureProfile(
    subject,
    chain,
    [input],
    new Map([[wound, [{ codec: 'q8' }]]]),
    used,
    2,
  )
  // The input is kept first, then 3 + 12 runs: the 5th to the 16th count.
  expect(profile.segments.map(({ medianMs }) => medianMs)).toEqual([10.5, 39.5])
  // After one more run that keeps what crosses, 8 + 5 runs.
  expect(profile.codecs).toEqual([{ wound, codec: 'q8', encodeMs: 28, bytes: 0 }])
  expect(used.dropped).toEqual([used.requests[0]!.request])
})

test('measureProfile keeps nothing where it fails', async () => {
  const used = engine(5)
  await expect(measureProfile(subject, chain, [input], new Map(), used)).rejects.toThrow('failed')
  expect(used.dropped).toEqual([used.requests[0]!.request])
})
