import { fileURLToPath } from 'node:url'
import { beforeEach, describe, expect, test } from 'vitest'
import { withPrecision } from '../../src/executor/engine.ts'
import { trialWound } from '../../src/executor/trial-wound.ts'
import { loadXnnpack } from '../../src/executor/xnnpack/library.ts'
import { wholeModel } from '../../src/model-graph/cut.ts'
import { loadLayersModel } from '../../src/model-graph/load-layers-model.ts'
import { plannedWounds } from '../../src/scheduler/candidate-wounds.ts'
import type { TensorValue } from '../../src/tensor/tensor-value.ts'
import { input, kerasTopology, sketchModel } from '../keras-model.ts'
import { maxAbsDiff } from '../model-input.ts'
import { repositoryRoot } from '../paths.ts'
import { cutDifferences, expectSameNames, runOnce } from './rounded-engine.ts'
import { noXnnpack, xnnpackWhereInstalled } from './xnnpack-setup.ts'

const found = await xnnpackWhereInstalled()
const source = fileURLToPath(new URL('models/mobilenetv2/', repositoryRoot))

const [rows, columns, channels, filters] = [5, 6, 8, 7]
const small = sketchModel(
  kerasTopology([
    input(rows, columns, channels),
    ['c', 'Conv2D', { filters, kernel_size: 1, use_bias: false }, 'in'],
  ]),
)
const given: TensorValue = {
  shape: [1, channels, rows, columns],
  data: new Float32Array(rows * columns * channels).map((_, i) => 3 * Math.sin(i * 1.7) + 2),
}

const mobileNet = await loadLayersModel(source)

/** Why library or processor cannot do it; undefined where they can. */
const refusal: string | undefined = await (found === undefined
  ? noXnnpack
  : withPrecision(found, 'fp16')
      .compile(mobileNet, wholeModel(mobileNet.graph), { threads: 1 })
      .then(async (executable) => {
        await executable.release()
        return undefined
      })
      .catch((error: Error) => error.message))

test('fp16 is refused with the library, never ignored: a hint of it would be', ({ skip }) => {
  skip(found === undefined, noXnnpack)
  skip(refusal === undefined, 'library and processor have fp16')
  expect(refusal).toMatch(
    loadXnnpack().roundedTensor === undefined
      ? /in fp16: the library must be that of libxnnpack0\.20241108 \(Debian 13\) or newer/
      : /in fp16: libXNNPACK\S+ and the processor must have all of it in 16 bits .*unsupported hardware/,
  )
})

describe('engine xnnpack in fp16', () => {
  beforeEach(({ skip }) => skip(refusal !== undefined, refusal))

  const exact = found!
  const rounded = withPrecision(exact, 'fp16')

  test('a convolution is as near to float32 as halves allow', async () => {
    const [near] = await runOnce(rounded, small, wholeModel(small.graph), [given])
    const [same] = await runOnce(exact, small, wholeModel(small.graph), [given])
    const weights = small.values.get('c/kernel')!
    const places = rows * columns
    for (let output = 0; output < filters; output++) {
      for (let place = 0; place < places; place++) {
        let most = 0
        for (let i = 0; i < channels; i++)
          most += Math.abs(given.data[i * places + place]! * weights[i * filters + output]!)
        // Both factors, the result and each of the sums, by half a step.
        const bound = (channels + 3) * 2 ** -11 * most
        const at = output * places + place
        expect(Math.abs(near!.data[at]! - same!.data[at]!)).toBeLessThanOrEqual(bound)
      }
    }
    expect(maxAbsDiff(near!.data, same!.data)).toBeGreaterThan(1e-5)
    // What comes out is a half.
    expect(
      near!.data.every(
        (value) => ((value * 2 ** 11) / 2 ** Math.floor(Math.log2(Math.abs(value)))) % 1 === 0,
      ),
    ).toBe(true)
  })

  test('names the bundled photos as float32 does; head and tail equal the whole bit for bit', async () => {
    for (const [name, { data }] of await expectSameNames(mobileNet, { rounded, exact }, 0.1)) {
      // As of float32, which the softmax is computed in; halves add up to 1 by chance at most.
      const total = data.reduce((sum, value) => sum + value, 0)
      expect(total, `photo ${name}`).toBeCloseTo(1, 5)
    }
    const { graph } = mobileNet
    const wounds = [trialWound(graph, 'fp16'), ...plannedWounds(graph).slice(1, -1)]
    expect(await cutDifferences(rounded, mobileNet, wounds)).toEqual(
      Object.fromEntries(wounds.map(({ id }) => [id, 0])),
    )
  })
})
