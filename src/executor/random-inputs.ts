import { borderShape } from '../model-graph/layer-graph.ts'
import { type PictureInput, pictureOf } from '../model-graph/manifest.ts'
import { type Model, manifestOf } from '../model-graph/model.ts'
import { fillUniform } from '../model-graph/zoo/random-stream.ts'
import { elementCount } from '../tensor/element-count.ts'
import type { TensorValue } from '../tensor/tensor-value.ts'

/** Side of the squares of one colour, in pixels: with noise alone every network sees the same grey. */
const squarePixels = 16

/**
 * Reproducible inputs for one request: coloured squares with noise, normalised as the manifest says, where the model
 * reads one picture; else values uniform in [0, 1).
 */
export function randomInputs(model: Model, seed: number): TensorValue[] {
  const { graph } = model
  const manifest = manifestOf(model)
  const picture = manifest && pictureOf(manifest)
  return graph.inputs.map((id) => {
    const tensor = graph.tensors[id]!
    const shape = [1, ...borderShape(tensor)]
    const data = new Float32Array(elementCount(shape))
    if (picture === undefined) fillUniform(data, seed, tensor.name, 0, 1)
    else drawPicture(data, picture, seed)
    return { shape, data }
  })
}

function drawPicture(data: Float32Array, { width, height, mean, scale }: PictureInput, seed: number): void {
  const columns = Math.ceil(width / squarePixels)
  const squares = new Float32Array(3 * columns * Math.ceil(height / squarePixels))
  fillUniform(squares, seed, 'squares', 0, 224)
  fillUniform(data, seed, 'noise', 0, 32)
  for (let i = 0; i < data.length; i += 1) {
    const channel = Math.floor(i / (width * height))
    const row = Math.floor((i % (width * height)) / width / squarePixels)
    const column = Math.floor((i % width) / squarePixels)
    const pixel = squares[channel * (squares.length / 3) + row * columns + column]! + data[i]!
    data[i] = (pixel - mean[channel]!) / scale[channel]!
  }
}
