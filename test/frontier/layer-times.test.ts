import { expect, test } from 'vitest'
import { layerTimesUs } from '../../src/frontier/layer-times.ts'
import { LayerRegression } from '../../src/latency-model/layer-regression.ts'
import { graphFromKeras } from '../../src/model-graph/keras-topology.ts'
import { zooModel } from '../../src/model-graph/zoo/zoo.ts'

test('layerTimesUs() stretches what is predicted to what was measured of each part', () => {
  const graph = graphFromKeras(zooModel('mobilenetv2').build().topology, { origin: 'zoo' })
  const layers = graph.layers.map(({ index }) => index)
  const [first, second] = [layers.slice(0, 60), layers.slice(60)]
  const us = layerTimesUs(graph, (works) => new LayerRegression().predictMs(works), [
    { layers: first, ms: 30 },
    { layers: second, ms: 7 },
  ])
  const sum = (part: readonly number[]) => part.reduce((total, layer) => total + us[layer]!, 0)
  // Each layer is rounded to a microsecond.
  expect(Math.abs(sum(first) - 30_000)).toBeLessThan(first.length)
  expect(Math.abs(sum(second) - 7000)).toBeLessThan(second.length)
  expect(us[0]).toBe(0)
  expect([...us].every((each) => Number.isInteger(each) && each >= 0)).toBe(true)
})
