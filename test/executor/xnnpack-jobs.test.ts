import { fileURLToPath } from 'node:url'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { pixelsToInput } from '../../src/codec/pixels-to-input.ts'
import { InferenceHost, type JobRequest } from '../../src/executor/inference-host.ts'
import type { GivenInput } from '../../src/executor/inference-protocol.ts'
import { segmentChain } from '../../src/executor/segment-chain.ts'
import { loadModel } from '../../src/model-graph/load-model.ts'
import { pictureOf } from '../../src/model-graph/manifest.ts'
import { plannedWounds } from '../../src/scheduler/candidate-wounds.ts'
import type { TensorValue } from '../../src/tensor/tensor-value.ts'
import { repositoryRoot } from '../paths.ts'
import { noXnnpack, xnnpackWhereInstalled } from './xnnpack-setup.ts'

const isInstalled = (await xnnpackWhereInstalled()) !== undefined
const source = fileURLToPath(new URL('models/mobilenetv2', repositoryRoot))
const { graph, manifest } = await loadModel(source)
const chain = segmentChain(graph, plannedWounds(graph))
const end = chain.segments.length

function picture(seed: number): TensorValue {
  const data = new Float32Array(3 * 224 * 224).map((_, i) => Math.sin(i / (97 + seed)))
  return { shape: [1, 3, 224, 224], data }
}

function part(seed: number, from: number, to: number): JobRequest {
  const tensors = chain.crossing(0)
  const isLast = to === end
  return {
    request: `request ${seed}`,
    steps: chain.segments.slice(from, to).map(({ key }, i) => ({
      segment: key,
      output: chain.crossing(from + i + 1),
      expectedMs: 10,
    })),
    input: from === 0 ? { kind: 'values', tensors, values: [picture(seed)] } : { kind: 'kept' },
    keep: !isLast,
    values: isLast,
  }
}

describe('what jobs keep in the memory of XNNPACK', () => {
  const setup = { model: source, engine: 'xnnpack', threads: 1, slowdown: 1 } as const
  const host = new InferenceHost(setup)

  beforeEach(async ({ skip }) => {
    skip(!isInstalled, noXnnpack)
    await host.start()
    for (const segment of chain.segments) await host.load(segment.key, segment)
  })

  afterAll(() => host.stop())

  test('is theirs, whatever runs between their segments and whatever is compiled anew', async () => {
    const seeds = [1, 2, 3]
    const alone: (readonly TensorValue[])[] = []
    for (const seed of seeds) alone.push((await host.runJob(part(seed, 0, end)).reply).values)
    expect(alone[0]).not.toEqual(alone[1])
    for (let border = 1; border < end; border++) {
      for (const seed of seeds) await host.runJob(part(seed, 0, border)).reply
      const before = chain.segments[border - 1]!
      await host.load(before.key, before)
      for (const [i, seed] of seeds.entries()) {
        const { values } = await host.runJob(part(seed, border, end)).reply
        expect(values, `request ${seed} resumed at border ${border}`).toEqual(alone[i])
      }
    }
  })

  test('begin at pixels as they begin at their values', async () => {
    const pixels = Uint8Array.from({ length: 3 * 224 * 224 }, (_, i) => (i * 7919) >> 3)
    const tensors = chain.crossing(0)
    const whole = (input: GivenInput) => host.runJob({ ...part(0, 0, end), input }).reply
    const values = [pixelsToInput(pixels, pictureOf(manifest)!)]
    const expected = await whole({ kind: 'values', tensors, values })
    const first = await whole({ kind: 'pixels', tensors, pixels })
    expect(first.values).toEqual(expected.values)
    const alone = (await host.runJob(part(1, 0, end)).reply).values
    expect(alone).not.toEqual(expected.values)
    // What is kept is the picture itself, of which the values are asked for by another run.
    const input = { kind: 'pixels', tensors, pixels } as const
    await host.run({ request: 'kept', segments: [], input, output: tensors, keep: true, values: false })
    expect((await host.runJob(part(1, 0, end)).reply).values).toEqual(alone)
    const resumed = { ...part(0, 0, end), request: 'kept', input: { kind: 'kept' } } as const
    expect((await host.runJob(resumed).reply).values).toEqual(expected.values)
  })
})
