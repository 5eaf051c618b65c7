import { describe, expect, it } from 'vitest'
import { readInputs, samplesOf, type ValuesBinding } from '../../src/input/read-inputs.ts'
import type { GraphTensor } from '../../src/model-graph/layer-graph.ts'
import type { ValuesInput, ValuesSpec } from '../../src/model-graph/manifest.ts'

const bytes = (text: string) => ({ payload: new TextEncoder().encode(text) })
const json = (value: unknown) => bytes(JSON.stringify(value))

function binding(name: string, spec: ValuesSpec, layout: GraphTensor['layout']): ValuesBinding {
  const tensor = { id: 0, name, shape: spec.shape, layout, producer: 0, consumers: [] }
  return { kind: 'values', tensor, spec }
}

describe('readInputs', () => {
  const sound = binding('sound', { shape: [2, 3] }, 'channels-first')
  const level = binding('level', { shape: [1], mean: 10, scale: 2 }, 'channels-first')

  it('reads several inputs of one object by their names, each normalised as its own', () => {
    const message = json({ level: 14, ts: 'noon', sound: [1, 2, 3, 4, 5, 6] })
    expect(readInputs(message, [sound, level]).map(({ shape, data }) => [shape, [...data]])).toEqual([
      [
        [1, 2, 3],
        [1, 2, 3, 4, 5, 6],
      ],
      [[1, 1], [2]],
    ])
    const within = json({ event: { level: [12], sound: [[[0, 0, 0]], [[1, 1, 1]]] } })
    expect([...readInputs(within, [sound, level], 'event')[1]!.data]).toEqual([1])
  })

  it('says which input is missing, or of another size', () => {
    const read = (value: unknown) => () => readInputs(json(value), [sound, level])
    expect(read({ sound: [1, 2, 3, 4, 5, 6] })).toThrow(
      /JSON object with sound \[2, 3\], level \[1\]; level is missing, its fields are sound/,
    )
    expect(read({ sound: [1, 2], level: 1 })).toThrow(/6 numbers \[2, 3\].*; sound holds 2 numbers/)
    expect(read([1, 2])).toThrow(/must be a JSON object; it is other JSON/)
    expect(() => readInputs(bytes(''), [sound, level])).toThrow(/must be a JSON object; .*empty/)
  })

  it("hands a channels-last model's samples on with channels first", () => {
    const [value] = readInputs(json([1, 2, 3, 4, 5, 6]), [binding('in', { shape: [2, 3] }, 'channels-last')])
    expect([value!.shape, [...value!.data]]).toEqual([
      [1, 3, 2],
      [1, 4, 2, 5, 3, 6],
    ])
  })
})

describe('samplesOf', () => {
  const input: ValuesInput = { kind: 'values', shape: [1, 2] }
  const samples = (text: string) =>
    samplesOf(bytes(text), { input }).map((each) => Buffer.from(each).toString())

  it('takes lists one level deeper than a sample for several, in their order', () => {
    expect(samples(' [ [[1, 2]], [[3, 4]] ]')).toEqual(['[[1,2]]', '[[3,4]]'])
    expect(samples('[[[1, 2]]]')).toEqual(['[[1,2]]'])
  })

  it.each(['[1, 2]', '[[1, 2]]', '{"values": [1, 2]}', '[[[1, 2]]', ''])('leaves %s as it is', (text) => {
    expect(samples(text)).toEqual([text])
  })
})
