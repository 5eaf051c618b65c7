import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { loadModel } from '../../../src/model-graph/load-model.ts'
import { modelSize } from '../../../src/model-graph/model-size.ts'
import { findRings } from '../../../src/model-graph/rings.ts'
import { singleWounds } from '../../../src/model-graph/single-wounds.ts'
import { resNet50NameToday } from '../../../src/model-graph/zoo/resnet50-names.ts'
import { zooModels } from '../../../src/model-graph/zoo/zoo.ts'
import { repositoryRoot } from '../../paths.ts'

const text = readFileSync(new URL('docs/zoo.md', repositoryRoot), 'utf8')

/** Cells of the table rows that match. */
function rows(pattern: RegExp): string[][] {
  return text
    .split('\n')
    .filter((line) => pattern.test(line))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim().replaceAll('`', '')),
    )
}

test('docs/zoo.md tells the sizes that the models have', async () => {
  const told = rows(/^\| `/)
  expect(told.map(([name]) => name!).toSorted()).toEqual(zooModels.map(({ name }) => name).toSorted())
  for (const [name, layers, , parameters, rings, wounds] of told) {
    const { graph } = await loadModel(`zoo:${name!}`)
    const size = modelSize(graph)
    expect([name, layers, parameters, rings, wounds]).toEqual([
      name,
      String(size.layers),
      size.parameters.toLocaleString('en-US'),
      String(findRings(graph).length),
      String(singleWounds(graph).length),
    ])
  }
})

test('docs/zoo.md maps layers of Keras 2.2.2 to the same ones of today', async () => {
  const [old, today] = [(await loadModel('resnet50-keras22')).graph, (await loadModel('resnet50')).graph]
  // Same type, same inputs in any order, and for weighted layers the name that their weights have today.
  const same = new Map<number, number>()
  for (const layer of old.layers) {
    const reads = new Set(layer.inputs.map((id) => same.get(old.tensors[id]!.producer)))
    const [found, ...others] = today.layers.filter(
      ({ type, inputs, name }) =>
        type === layer.type &&
        inputs.length === layer.inputs.length &&
        inputs.every((id) => reads.has(today.tensors[id]!.producer)) &&
        (layer.weights.length === 0 || name === resNet50NameToday(layer.name)),
    )
    expect([layer.name, others.length]).toEqual([layer.name, 0])
    same.set(layer.index, found!.index)
  }
  const told = rows(/^\| \d+ \|/)
  expect(told.length).toBe(79)
  for (const [index, name, indexToday, nameToday] of told) {
    const expected = same.get(Number(index))!
    expect([name, indexToday, nameToday]).toEqual([
      old.layers[Number(index)]!.name,
      String(expected),
      today.layers[expected]!.name,
    ])
  }
})
