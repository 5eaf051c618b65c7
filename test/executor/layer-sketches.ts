import { input, type LayerSketch } from '../keras-model.ts'

export const sketchInput = input(4, 6, 3)

/** One layer of every class, reading the sketch input. */
export const singleLayers: readonly LayerSketch[] = [
  ...[
    'linear',
    'relu',
    'relu6',
    'sigmoid',
    'tanh',
    'swish',
    'hard_sigmoid',
    'elu',
    'selu',
    'softplus',
    'softsign',
    'exponential',
    'softmax',
  ].map((activation): LayerSketch => [activation, 'Activation', { activation }, 'in']),
  ['relu', 'ReLU', { max_value: null, negative_slope: 0, threshold: 0 }, 'in'],
  ['relu limited', 'ReLU', { max_value: 0.5 }, 'in'],
  ['relu leaky and limited', 'ReLU', { max_value: 0.5, negative_slope: 0.1 }, 'in'],
  ['leaky', 'LeakyReLU', { alpha: 0.2 }, 'in'],
  ['elu layer', 'ELU', { alpha: 0.7 }, 'in'],
  ['softmax layer', 'Softmax', {}, 'in'],
  ['rescaling', 'Rescaling', { scale: 2, offset: [1, 2, 3] }, 'in'],
  ['dropout', 'Dropout', { rate: 0.5 }, 'in'],
  ['normalisation alone', 'BatchNormalization', {}, 'in'],
  [
    'padding',
    'ZeroPadding2D',
    {
      padding: [
        [1, 2],
        [0, 3],
      ],
    },
    'in',
  ],
  [
    'cropping',
    'Cropping2D',
    {
      cropping: [
        [1, 0],
        [2, 1],
      ],
    },
    'in',
  ],
  ['upsampling', 'UpSampling2D', { size: [2, 3] }, 'in'],
  ['upsampling smoothly', 'UpSampling2D', { size: [2, 3], interpolation: 'bilinear' }, 'in'],
  ['flatten', 'Flatten', {}, 'in'],
  ['reshape to a map', 'Reshape', { target_shape: [3, 4, 6] }, 'in'],
  ['reshape to rows', 'Reshape', { target_shape: [8, 9] }, 'in'],
  ['permute', 'Permute', { dims: [3, 1, 2] }, 'in'],
  ['permute back', 'Permute', { dims: [2, 3, 1] }, 'in'],
  ['dense over channels', 'Dense', { units: 5, activation: 'relu' }, 'in'],
  ...[true, false].flatMap((keepdims): LayerSketch[] => [
    [`global mean ${keepdims}`, 'GlobalAveragePooling2D', { keepdims }, 'in'],
    [`global max ${keepdims}`, 'GlobalMaxPooling2D', { keepdims }, 'in'],
  ]),
]

/** Every class that merges, and the names of the layers whose values are worth comparing. */
export function mergingLayers(): { sketch: LayerSketch[]; outputs: string[] } {
  const conv = (name: string, filters: number): LayerSketch => [
    name,
    'Conv2D',
    { filters, kernel_size: 1 },
    'in',
  ]
  const merges: LayerSketch[] = ['Add', 'Multiply', 'Average', 'Maximum', 'Minimum'].map((kind) => [
    kind,
    kind,
    {},
    'a',
    'b',
    'in',
  ])
  merges.push(['Subtract', 'Subtract', {}, 'a', 'b'])
  merges.push([
    'scaled',
    'Lambda',
    { arguments: { scale: 0.17 }, function: ['never run', null, null] },
    'a',
    'b',
  ])
  merges.push(
    ['beside', 'Concatenate', { axis: 3 }, 'a', 'wide', 'b'],
    ['below', 'Concatenate', { axis: 1 }, 'a', 'b'],
  )
  merges.push(['right', 'Concatenate', { axis: -2 }, 'a', 'b'])
  merges.push(
    ['squeeze', 'GlobalAveragePooling2D', { keepdims: true }, 'a'],
    ['excite', 'Multiply', {}, 'b', 'squeeze'],
  )
  const outputs = merges.map(([name]) => name).filter((name) => name !== 'squeeze')
  return { sketch: [sketchInput, conv('a', 3), conv('b', 3), conv('wide', 5), ...merges], outputs }
}
