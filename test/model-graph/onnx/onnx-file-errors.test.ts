import { mkdir, symlink, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { create } from '@bufbuild/protobuf'
import { TensorProto_DataLocation, TensorProto_DataType, TensorProtoSchema } from 'onnx-buf'
import { expect, test } from 'vitest'
import { loadModel } from '../../../src/model-graph/load-model.ts'
import { onnxNode } from '../../../src/onnx/onnx-message.ts'
import { runWhole, someInputs } from '../compare-cuts.ts'
import { type FileParts, floats, onnxBytes, onnxFile, residual, value, weights } from './onnx-files.ts'

const external = (location: string, offset = 0) =>
  create(TensorProtoSchema, {
    name: 'stem',
    dims: [4n, 3n, 3n, 3n],
    dataType: TensorProto_DataType.FLOAT,
    dataLocation: TensorProto_DataLocation.EXTERNAL,
    externalData: [
      { key: 'location', value: location },
      { key: 'offset', value: String(offset) },
      { key: 'length', value: '432' },
    ],
  })

test('loadModel of ONNX reads external data, which must lie in the folder and be complete', async () => {
  const inside = weights('stem', [4, 3, 3, 3])
  const withStem = (stem: typeof inside): FileParts => ({
    ...residual,
    initializers: [stem, ...residual.initializers!.filter(({ name }) => name !== 'stem')],
  })
  const { directory, path } = await onnxFile(onnxBytes(withStem(external('data.bin', 16))))
  const data = join(directory, 'data.bin')
  await writeFile(data, Buffer.concat([Buffer.alloc(16), inside.rawData]))
  const model = await loadModel(path)
  const inputs = someInputs(model.graph)
  const reference = await loadModel((await onnxFile(onnxBytes(residual))).path)
  expect(await runWhole(model, inputs)).toEqual(await runWhole(reference, inputs))
  expect(new Uint8Array((await model.weights.read('stem')).buffer)).toEqual(inside.rawData)

  const { hash } = model
  await writeFile(data, Buffer.concat([Buffer.alloc(16), inside.rawData.map((byte) => byte ^ 1)]))
  expect((await loadModel(path)).hash).not.toBe(hash)
  await truncate(data, 400)
  await expect(loadModel(path)).rejects.toThrow(
    /external data of 'stem' must end within .*data\.bin, .*truncated/,
  )
  await expect(model.weights.read('stem')).rejects.toThrow(/'stem'.*truncated/)

  await writeFile(join(directory, '..', `${hash}.bin`), Buffer.alloc(1000))
  for (const location of [`../${hash}.bin`, '/etc/hostname', 'absent.bin', '']) {
    const { path } = await onnxFile(onnxBytes(withStem(external(location))))
    await expect(loadModel(path)).rejects.toThrow(/'stem' external data must/)
  }
  const linked = await onnxFile(onnxBytes(withStem(external('link/data.bin'))))
  await mkdir(join(directory, 'other'))
  await writeFile(join(directory, 'other', 'data.bin'), Buffer.alloc(1000))
  await symlink(join(directory, 'other'), join(linked.directory, 'link'))
  await expect(loadModel(linked.path)).rejects.toThrow(/'stem' external data must/)
})

test('loadModel of ONNX names layer, type and file of what it refuses', async () => {
  const refusal = async (change: Partial<FileParts>) => {
    const { path } = await onnxFile(onnxBytes({ ...residual, ...change }))
    const error = await loadModel(path).then(
      () => new Error('it was accepted'),
      (reason: unknown) => reason as Error,
    )
    expect(error.message).toContain(path)
    return error.message
  }
  const replace = (position: number, node: ReturnType<typeof onnxNode>) => ({
    nodes: residual.nodes.with(position, node),
  })
  const changed = Object.assign(onnxNode('Frobnicate', ['left', 'conv'], ['changed']), { name: 'odd one' })
  expect(await refusal(replace(2, changed))).toMatch(
    /layer 'odd one' of type Frobnicate must be one that the engine runs/,
  )
  expect(await refusal(replace(2, onnxNode('Frobnicate', ['left', 'conv'], ['changed'])))).toMatch(
    /layer 'changed' of type Frobnicate/,
  )
  expect(await refusal(replace(2, onnxNode('Conv', ['joined', 'conv'], ['changed'])))).toMatch(
    /cycle is changed reads joined reads changed/,
  )
  expect(await refusal(replace(2, onnxNode('Conv', ['absent', 'conv'], ['changed'])))).toMatch(
    /layer 'changed' of type Conv .* nothing gives 'absent'/,
  )
  expect(await refusal(replace(2, onnxNode('Conv', ['left', 'dense'], ['changed'])))).toMatch(
    /layer 'changed' of type Conv/,
  )
  expect(await refusal(replace(2, onnxNode('Relu', ['left'], ['a'])))).toMatch(/'a' is given twice/)
  expect(await refusal(replace(2, onnxNode('RandomNormalLike', ['left'], ['changed'])))).toMatch(
    /type RandomNormalLike must give the same/,
  )
  expect(await refusal({ inputs: [value('image', [1, 3, 'h', 'w'])] })).toMatch(
    /input 'image' must be known, current shape is \[1, 3, \?, \?\]/,
  )
  expect(await refusal({ outputs: [value('dense', [4, 5])] })).toMatch(
    /output 'dense' must depend on an input/,
  )
  const short = Object.assign(weights('stem', [4, 3, 3, 3]), { dims: [4n, 3n, 3n, 4n] })
  expect(await refusal({ initializers: [short, ...residual.initializers!.slice(1)] })).toMatch(
    /'stem' must have 576 bytes .* current size is 432/,
  )
})

test('loadModel of ONNX refuses every truncation', async () => {
  const bytes = onnxBytes(residual)
  for (let length = 0; length < bytes.length; length += 13) {
    const { path } = await onnxFile(bytes.slice(0, length))
    await expect(loadModel(path)).rejects.toThrow(path)
  }
})

test('weights of ONNX must not be NaN', async () => {
  const stem = floats('stem', [4, 3, 3, 3], new Float32Array(108).fill(1).fill(Number.NaN, 77, 78))
  const { path } = await onnxFile(
    onnxBytes({ ...residual, initializers: [stem, ...residual.initializers!.slice(1)] }),
  )
  await expect(loadModel(path)).rejects.toThrow(/'stem' of .*value 77 is NaN/)
})

test('inputShapes close open axes', async () => {
  const { path } = await onnxFile(onnxBytes({ ...residual, inputs: [value('image', ['n', 3, 'h', 'w'])] }))
  const { graph, hash } = await loadModel(path, { inputShapes: { image: [1, 3, 10, 12] } })
  expect((await loadModel(path, { inputShapes: { image: [1, 3, 8, 8] } })).hash).not.toBe(hash)
  expect(graph.tensors.find(({ name }) => name === 'sum')!.shape).toEqual([4, 10, 12])
  await expect(loadModel(path, { inputShapes: { image: [1, 4, 10, 12] } })).rejects.toThrow(
    /must be \[\?, 3, \?, \?\]/,
  )
  await expect(loadModel(path, { inputShapes: { photo: [1] } })).rejects.toThrow(
    /must be of its inputs image/,
  )
})
