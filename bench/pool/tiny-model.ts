import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { onnxNode } from '../../src/onnx/onnx-message.ts'
import { serialiseModel } from '../../src/onnx/write-message.ts'

/** Values of its input and of its output. */
export const tinyShape = [1, 64] as const

/** Writes a model of one cheap node: what a request costs besides computing. @returns Its path. */
export async function writeTinyModel(folder: string): Promise<string> {
  const value = (name: string) => ({ name, shape: tinyShape.slice(1), batch: 1 })
  const bytes = await serialiseModel({
    name: 'tiny',
    opset: 17,
    nodes: [onnxNode('Relu', ['x'], ['y'])],
    initializers: [],
    inputs: [value('x')],
    outputs: [value('y')],
  })
  const path = join(folder, 'tiny.onnx')
  await writeFile(path, bytes)
  return path
}
