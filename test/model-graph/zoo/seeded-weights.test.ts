import { expect, test } from 'vitest'
import { inputPowerOf, seededWeights } from '../../../src/model-graph/zoo/seeded-weights.ts'
import { zooModel, zooModels } from '../../../src/model-graph/zoo/zoo.ts'
import { elementCount } from '../../../src/tensor/element-count.ts'
import { graphOf } from '../built-graph.ts'

function weightsOf(name: string, seed: number) {
  const model = zooModel(name)
  const graph = graphOf(model.build())
  return { graph, weights: seededWeights(graph, { seed, inputPower: inputPowerOf(model.manifest) }) }
}

function variance(values: Float32Array): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  return values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length
}

test('seededWeights gives the same bits for ever', async () => {
  const { weights } = weightsOf('MobileNetV2', 1)
  const first = async (name: string) => Array.from((await weights.read(name)).slice(0, 4))
  expect(await first('Conv1/kernel')).toEqual([
    -0.1063084751367569, -0.03554609790444374, -0.21776680648326874, 0.17228060960769653,
  ])
  expect(await first('block_6_depthwise/depthwise_kernel')).toEqual([
    -0.6648297905921936, -0.7554115056991577, -0.17080157995224, -0.6703507900238037,
  ])
  expect(await first('block_6_project_BN/moving_variance')).toEqual([
    1.0525177717208862, 1.315076231956482, 0.7231399416923523, 1.066112756729126,
  ])
  expect(await first('predictions/bias')).toEqual([
    0.03473490849137306, 0.02866210602223873, -0.008130052126944065, -0.062338441610336304,
  ])
})

test('seededWeights depends on seed and name, not on what was read before', async () => {
  const a = weightsOf('ResNet50', 7)
  const b = weightsOf('ResNet50', 7)
  const names = a.graph.layers.flatMap((layer) => layer.weights.map((weight) => weight.name)).slice(0, 24)
  const forward = await Promise.all(names.map((name) => a.weights.read(name)))
  const backward = await Promise.all(names.toReversed().map((name) => b.weights.read(name)))
  expect(backward.toReversed()).toEqual(forward)
  const other = await weightsOf('ResNet50', 8).weights.read(names[0]!)
  expect(other).not.toEqual(forward[0])
  const [from, to] = [1, forward[0]!.length - 1]
  expect(await a.weights.readPart!(names[0]!, from, to)).toEqual(forward[0]!.slice(from, to))
  await expect(a.weights.read('constructor')).rejects.toThrow(TypeError)
})

test('seededWeights streams are uniform and independent', async () => {
  const { weights } = weightsOf('ResNet50', 3)
  const [a, b] = await Promise.all(
    ['conv4_block2_3_conv/kernel', 'conv4_block3_3_conv/kernel'].map((name) => weights.read(name)),
  )
  const [high, count] = [a!.reduce((most, value) => Math.max(most, value), 0), a!.length]
  const bins = new Float64Array(64)
  for (const value of a!) bins[Math.min(63, Math.floor(((value / high + 1) / 2) * 64))]! += 1
  const chiSquare = bins.reduce((sum, bin) => sum + (bin - count / 64) ** 2 / (count / 64), 0)
  expect(chiSquare).toBeLessThan(120)
  for (const lag of [0, 1, 2, 256, 1024]) {
    let products = 0
    for (let index = lag; index < count; index++) products += a![index]! * (lag === 0 ? b! : a!)[index - lag]!
    const scale = lag === 0 ? Math.sqrt(variance(a!) * variance(b!)) : variance(a!)
    expect(Math.abs(products / count / scale)).toBeLessThan(5 / Math.sqrt(count))
  }
})

test("seededWeights is He's rule in a chain, with the fan-in that reaches the map", async () => {
  const { weights } = weightsOf('VGG19', 5)
  // 3x3 `same` on 28x28: (28 * 3 - 2)^2 of (28 * 3)^2 taps are inside.
  const inside = (82 / 84) ** 2
  expect(variance(await weights.read('block4_conv3/kernel')) * 9 * 512 * inside).toBeCloseTo(2, 1)

  const mobile = weightsOf('MobileNet', 5).weights
  const depthwise = variance(await mobile.read('conv_dw_8/depthwise_kernel')) * 9
  expect(depthwise).toBeGreaterThan(1.5)
  expect(depthwise).toBeLessThan(2.6)
})

test('seededWeights keeps batch norm near the identity, and every value finite', async () => {
  for (const { name } of zooModels.filter((model) => model.name !== 'vgg19')) {
    const { graph, weights } = weightsOf(name, 11)
    for (const layer of graph.layers.filter((layer) => layer.type === 'BatchNormalization')) {
      const [gamma, beta, mean, spread] = await Promise.all(
        ['gamma', 'beta', 'moving_mean', 'moving_variance'].map(async (role) =>
          layer.weights.some((weight) => weight.name.endsWith(`/${role}`))
            ? weights.read(`${layer.name}/${role}`)
            : new Float32Array([1]),
        ),
      )
      expect(gamma!.every((value) => value >= 0.799 && value <= 1.201)).toBe(true)
      expect(spread!.every((value) => value >= 0.499 && value <= 1.501)).toBe(true)
      expect([...beta!, ...mean!].every((value) => Math.abs(value) <= 0.1001)).toBe(true)
    }
    const kernels = graph.layers
      .flatMap((layer) => layer.weights)
      .filter((weight) => weight.name.endsWith('kernel'))
    for (const { name, shape } of kernels.slice(-3)) {
      const values = await weights.read(name)
      expect(values).toHaveLength(elementCount(shape))
      expect(values.every(Number.isFinite)).toBe(true)
      expect(variance(values)).toBeGreaterThan(0)
    }
  }
})
