import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onnxNode } from '../../../src/onnx/onnx-message.ts'
import { type FileParts, floats, integers, onnxBytes, value, weights } from './onnx-files.ts'

/** What people bring: a picture's classes with the batch axis fixed to 1, as most exporters write it. */
export const classifier: FileParts = {
  inputs: [value('picture', [1, 3, 16, 16])],
  outputs: [value('p', [1, 3])],
  initializers: [weights('stem', [8, 3, 3, 3]), weights('dense', [8, 3])],
  nodes: [
    onnxNode('Conv', ['picture', 'stem'], ['a'], { strides: { ints: [2, 2] } }),
    onnxNode('Relu', ['a'], ['b']),
    onnxNode('GlobalAveragePool', ['b'], ['pooled']),
    onnxNode('Flatten', ['pooled'], ['flat']),
    onnxNode('MatMul', ['flat', 'dense'], ['scores']),
    onnxNode('Softmax', ['scores'], ['p'], { axis: { int: 1 } }),
  ],
}

/** The batch axis is open, and a Reshape inside puts several requests into one row. */
export const openBatch: FileParts = {
  inputs: [value('picture', ['batch', 3, 16, 16])],
  outputs: [value('p', ['batch', 3])],
  initializers: [weights('stem', [8, 3, 3, 3]), integers('row', [1, -1]), weights('dense', [8 * 7 * 7, 3])],
  nodes: [
    onnxNode('Conv', ['picture', 'stem'], ['a'], { strides: { ints: [2, 2] } }),
    onnxNode('Reshape', ['a', 'row'], ['flat']),
    onnxNode('MatMul', ['flat', 'dense'], ['scores']),
    onnxNode('Softmax', ['scores'], ['p'], { axis: { int: 1 } }),
  ],
}

/** Boxes and scores for each of 49 places. */
export const detector: FileParts = {
  inputs: [value('picture', [1, 3, 16, 16])],
  outputs: [value('rows', [1, 7, 49])],
  initializers: [weights('stem', [7, 3, 3, 3]), integers('places', [1, 7, 49])],
  nodes: [
    onnxNode('Conv', ['picture', 'stem'], ['a'], { strides: { ints: [2, 2] } }),
    onnxNode('Reshape', ['a', 'places'], ['rows']),
  ],
}

/** A window of 64 samples of 3 axes: no picture, and no manifest. */
export const sensor: FileParts = {
  inputs: [value('window', [1, 64, 3])],
  outputs: [value('activity', [1, 4])],
  initializers: [weights('dense', [192, 4])],
  nodes: [
    onnxNode('Flatten', ['window'], ['flat']),
    onnxNode('MatMul', ['flat', 'dense'], ['scores']),
    onnxNode('Softmax', ['scores'], ['activity'], { axis: { int: 1 } }),
  ],
}

/** Numbers of any length, times a gain: both are to be told beside the file. */
export const openWindow: FileParts = {
  inputs: [value('window', ['batch', 'length']), value('gain', [1])],
  outputs: [value('y', ['batch', 'length'])],
  initializers: [],
  nodes: [onnxNode('Mul', ['window', 'gain'], ['scaled']), onnxNode('Relu', ['scaled'], ['y'])],
}

/** Run window after window: what is heard fades, and `hn` is the next `h`. */
export const stateful: FileParts = {
  inputs: [value('sound', [1, 6]), value('h', [1, 8])],
  outputs: [value('y', [1, 4]), value('hn', [1, 8])],
  initializers: [
    weights('encoder', [6, 8]),
    weights('dense', [8, 4]),
    floats('fade', [1], Float32Array.of(0.5)),
  ],
  nodes: [
    onnxNode('MatMul', ['sound', 'encoder'], ['e']),
    onnxNode('Relu', ['e'], ['r']),
    onnxNode('Mul', ['h', 'fade'], ['faded']),
    onnxNode('Add', ['faded', 'r'], ['hn']),
    onnxNode('MatMul', ['hn', 'dense'], ['y']),
  ],
}

/** Gives NaN for every picture. */
export const broken: FileParts = {
  ...classifier,
  initializers: [...classifier.initializers!, floats('minus', [1], Float32Array.of(-1))],
  nodes: [
    ...classifier.nodes.slice(0, -1),
    onnxNode('Abs', ['scores'], ['positive']),
    onnxNode('Sub', ['minus', 'positive'], ['negative']),
    onnxNode('Sqrt', ['negative'], ['p']),
  ],
}

const manifest = {
  name: 'small',
  input: { width: 16, height: 16, channels: 'rgb', mean: [0, 0, 0], scale: [255, 255, 255] },
  output: { kind: 'softmax', topK: 3 },
}

/** Writes a file of that name into a folder of its own, with a manifest where it takes a picture; returns the folder. */
export async function smallModel(name: string, parts: FileParts): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'surgeon-small-'))
  await writeFile(join(folder, `${name}.onnx`), onnxBytes(parts))
  if (parts.inputs[0]!.name === 'picture')
    await writeFile(join(folder, 'surgeon.json'), JSON.stringify({ ...manifest, name }))
  return folder
}
