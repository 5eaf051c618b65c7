import { flatten, input, maxPool } from './layers.ts'
import { type BuiltTopology, closeScope, openScope } from './topology-builder.ts'
import { conv2d, dense } from './weighted-layers.ts'

/** VGG19 (Simonyan and Zisserman, arXiv 1409.1556): 26 layers, a chain, 224x224x3 to 1000 classes. */
export function buildVgg19(): BuiltTopology {
  const image = input(openScope(), [224, 224, 3])
  let x = image
  const blocks = [
    [64, 2],
    [128, 2],
    [256, 4],
    [512, 4],
    [512, 4],
  ] as const
  for (const [index, [filters, convolutions]] of blocks.entries()) {
    const block = `block${index + 1}`
    for (let conv = 1; conv <= convolutions; conv++) {
      x = conv2d(x, filters, 3, { padding: 'same', activation: 'relu', name: `${block}_conv${conv}` })
    }
    x = maxPool(x, 2, { name: `${block}_pool` })
  }
  x = flatten(x, 'flatten')
  x = dense(x, 4096, 'relu', 'fc1')
  x = dense(x, 4096, 'relu', 'fc2')
  return closeScope('vgg19', image, dense(x, 1000, 'softmax', 'predictions'))
}
