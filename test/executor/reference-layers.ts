/**
 * Keras layers in the plainest possible form, channels last and one image, written from Keras's documentation:
 * the independent reference for what is lowered.
 */
export interface Feature {
  readonly shape: readonly number[]
  readonly data: Float32Array
}

type Config = Readonly<Record<string, unknown>>
type Weights = (suffix: string) => Float32Array | undefined

const size = (shape: readonly number[]): number => shape.reduce((total, axis) => total * axis, 1)

function make(shape: readonly number[], value: (index: number[]) => number): Feature {
  const data = new Float32Array(size(shape))
  for (let flat = 0; flat < data.length; flat += 1) {
    const index: number[] = []
    let rest = flat
    for (let axis = shape.length - 1; axis >= 0; axis -= 1) {
      index.unshift(rest % shape[axis]!)
      rest = Math.floor(rest / shape[axis]!)
    }
    data[flat] = value(index)
  }
  return { shape, data }
}

function at({ shape, data }: Feature, index: readonly number[]): number | undefined {
  let flat = 0
  for (const [axis, length] of shape.entries()) {
    const i = index[axis]!
    if (i < 0 || i >= length) return undefined
    flat = flat * length + i
  }
  return data[flat]
}

const two = (value: unknown, fallback: number[] = [1, 1]): number[] =>
  value === undefined
    ? fallback
    : Array.isArray(value)
      ? (value as number[])
      : [value as number, value as number]

/** Places (of the input, possibly outside) that each output place looks at, with the kernel's place. */
function windows(input: Feature, config: Config, kernel: number[]) {
  const strides = two(config['strides'], config['pool_size'] === undefined ? [1, 1] : kernel)
  const dilation = two(config['dilation_rate'])
  const same = config['padding'] === 'same'
  const axis = (n: number, a: number): { out: number; pad: number } => {
    const reach = (kernel[a]! - 1) * dilation[a]! + 1
    if (!same) return { out: Math.ceil((n - reach + 1) / strides[a]!), pad: 0 }
    // tf.nn: if n % stride == 0 then max(reach - stride, 0) else max(reach - n % stride, 0), half of it before.
    const over = n % strides[a]! || strides[a]!
    return { out: Math.ceil(n / strides[a]!), pad: Math.floor(Math.max(reach - over, 0) / 2) }
  }
  const rows = axis(input.shape[0]!, 0)
  const columns = axis(input.shape[1]!, 1)
  const places = (y: number, x: number): { y: number; x: number; ky: number; kx: number }[] =>
    Array.from({ length: kernel[0]! * kernel[1]! }, (_, k) => {
      const [ky, kx] = [Math.floor(k / kernel[1]!), k % kernel[1]!]
      return {
        ky,
        kx,
        y: y * strides[0]! - rows.pad + ky * dilation[0]!,
        x: x * strides[1]! - columns.pad + kx * dilation[1]!,
      }
    })
  return { rows: rows.out, columns: columns.out, places }
}

function conv(
  input: Feature,
  config: Config,
  kernel: Float32Array,
  filters: number,
  groups: number,
  bias?: Float32Array,
): Feature {
  const k = two(config['kernel_size'])
  const depth = input.shape[2]! / groups
  const { rows, columns, places } = windows(input, config, k)
  const perGroup = filters / groups
  return make([rows, columns, filters], ([y, x, f]) => {
    const first = Math.floor(f! / perGroup) * depth
    let sum = bias?.[f!] ?? 0
    for (const place of places(y!, x!)) {
      for (let c = 0; c < depth; c += 1) {
        const w = kernel[((place.ky * k[1]! + place.kx) * depth + c) * filters + f!]!
        sum += w * (at(input, [place.y, place.x, first + c]) ?? 0)
      }
    }
    return sum
  })
}

function convTranspose(input: Feature, config: Config, kernel: Float32Array, bias?: Float32Array): Feature {
  const k = two(config['kernel_size'])
  const s = two(config['strides'])
  const [rows, columns, channels] = input.shape as [number, number, number]
  const filters = config['filters'] as number
  const same = config['padding'] === 'same'
  const out = [rows, columns].map((n, a) => n * s[a]! + (same ? 0 : Math.max(k[a]! - s[a]!, 0)))
  const before = k.map((n, a) => (same ? Math.floor(Math.max(n - s[a]!, 0) / 2) : 0))
  const result = make([...out, filters], ([, , f]) => bias?.[f!] ?? 0)
  // The gradient of a convolution: every input value spreads the kernel over its window.
  for (let y = 0; y < rows; y += 1)
    for (let x = 0; x < columns; x += 1)
      for (let ky = 0; ky < k[0]!; ky += 1)
        for (let kx = 0; kx < k[1]!; kx += 1) {
          const [ty, tx] = [y * s[0]! + ky - before[0]!, x * s[1]! + kx - before[1]!]
          if (ty < 0 || tx < 0 || ty >= out[0]! || tx >= out[1]!) continue
          for (let f = 0; f < filters; f += 1)
            for (let c = 0; c < channels; c += 1)
              result.data[(ty * out[1]! + tx) * filters + f]! +=
                kernel[((ky * k[1]! + kx) * filters + f) * channels + c]! * at(input, [y, x, c])!
        }
  return result
}

function pool(input: Feature, config: Config, kind: 'max' | 'mean'): Feature {
  const { rows, columns, places } = windows(input, config, two(config['pool_size'], [2, 2]))
  return make([rows, columns, input.shape[2]!], ([y, x, c]) => {
    const values = places(y!, x!)
      .map((p) => at(input, [p.y, p.x, c!]))
      .filter((v) => v !== undefined)
    return kind === 'max' ? Math.max(...values) : values.reduce((a, b) => a + b, 0) / values.length
  })
}

const functions: Record<string, (x: number) => number> = {
  linear: (x) => x,
  relu: (x) => Math.max(x, 0),
  relu6: (x) => Math.min(Math.max(x, 0), 6),
  sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  tanh: Math.tanh,
  swish: (x) => x / (1 + Math.exp(-x)),
  hard_sigmoid: (x) => Math.min(Math.max(0.2 * x + 0.5, 0), 1),
  elu: (x) => (x > 0 ? x : Math.exp(x) - 1),
  selu: (x) => 1.0507009873554805 * (x > 0 ? x : 1.6732632423543772 * (Math.exp(x) - 1)),
  softplus: (x) => Math.log1p(Math.exp(x)),
  softsign: (x) => x / (1 + Math.abs(x)),
  exponential: Math.exp,
}

function activate(input: Feature, name: string): Feature {
  if (name !== 'softmax') return { shape: input.shape, data: input.data.map(functions[name]!) }
  const depth = input.shape.at(-1)!
  const sums = new Float64Array(input.data.length / depth)
  for (const [i, x] of input.data.entries()) sums[Math.floor(i / depth)]! += Math.exp(x)
  return { shape: input.shape, data: input.data.map((x, i) => Math.exp(x) / sums[Math.floor(i / depth)]!) }
}

function pad(input: Feature, config: Config, key: string, sign: 1 | -1): Feature {
  const [[top, bottom], [left, right]] = config[key] as [[number, number], [number, number]]
  const [rows, columns, channels] = input.shape as [number, number, number]
  const shape = [rows + sign * (top + bottom), columns + sign * (left + right), channels]
  return make(shape, ([y, x, c]) => at(input, [y! - sign * top, x! - sign * left, c!]) ?? 0)
}

function merge(inputs: readonly Feature[], combine: (values: number[]) => number): Feature {
  const shape = inputs[0]!.shape.map((_, a) => Math.max(...inputs.map((input) => input.shape[a]!)))
  const value = (input: Feature, index: number[]): number =>
    at(
      input,
      index.map((i, a) => (input.shape[a] === 1 ? 0 : i)),
    )!
  return make(shape, (index) => combine(inputs.map((input) => value(input, index))))
}

function concatenate(inputs: readonly Feature[], axis: number): Feature {
  const along = axis < 0 ? inputs[0]!.shape.length + axis : axis - 1
  const shape = inputs[0]!.shape.map((n, a) =>
    a === along ? inputs.reduce((sum, i) => sum + i.shape[a]!, 0) : n,
  )
  return make(shape, (index) => {
    let offset = index[along]!
    for (const input of inputs) {
      if (offset < input.shape[along]!) return at(input, index.with(along, offset))!
      offset -= input.shape[along]!
    }
    throw new RangeError('past the end')
  })
}

/** @param weights Values of the layer's weights by suffix. */
export function referenceLayer(
  className: string,
  config: Config,
  inputs: readonly Feature[],
  weights: Weights,
): Feature {
  const x = inputs[0]!
  const depth = x.shape.at(-1)!
  const bias = weights('bias')
  const own = (feature: Feature): Feature =>
    activate(feature, (config['activation'] as string | undefined) ?? 'linear')
  const sum = (values: number[]): number => values.reduce((a, b) => a + b, 0)
  const multiplier = (config['depth_multiplier'] as number | undefined) ?? 1
  const each = (f: (value: number, channel: number) => number): Feature => ({
    shape: x.shape,
    data: x.data.map((value, i) => f(value, i % depth)),
  })
  switch (className) {
    case 'Conv2D':
      return own(
        conv(
          x,
          config,
          weights('kernel')!,
          config['filters'] as number,
          (config['groups'] as number | undefined) ?? 1,
          bias,
        ),
      )
    case 'DepthwiseConv2D':
      return own(conv(x, config, weights('depthwise_kernel')!, depth * multiplier, depth, bias))
    case 'SeparableConv2D': {
      const between = conv(x, config, weights('depthwise_kernel')!, depth * multiplier, depth)
      return own(
        conv(between, { kernel_size: 1 }, weights('pointwise_kernel')!, config['filters'] as number, 1, bias),
      )
    }
    case 'Conv2DTranspose':
      return own(convTranspose(x, config, weights('kernel')!, bias))
    case 'Dense': {
      const units = config['units'] as number
      const kernel = weights('kernel')!
      return own(
        make([...x.shape.slice(0, -1), units], (index) => {
          const u = index.at(-1)!
          return (
            sum(
              Array.from(
                { length: depth },
                (_, i) => at(x, [...index.slice(0, -1), i])! * kernel[i * units + u]!,
              ),
            ) + (bias?.[u] ?? 0)
          )
        }),
      )
    }
    case 'BatchNormalization': {
      const epsilon = (config['epsilon'] as number | undefined) ?? 1e-3
      const [gamma, beta, mean, variance] = ['gamma', 'beta', 'moving_mean', 'moving_variance'].map(weights)
      return each(
        (v, c) =>
          ((v - mean![c]!) / Math.sqrt(variance![c]! + epsilon)) * (gamma?.[c] ?? 1) + (beta?.[c] ?? 0),
      )
    }
    case 'Activation':
      return own(x)
    case 'ReLU': {
      const slope = (config['negative_slope'] as number | undefined) ?? 0
      return each((v) =>
        Math.min(v < 0 ? v * slope : v, (config['max_value'] as number | null | undefined) ?? Infinity),
      )
    }
    case 'LeakyReLU':
      return each((v) => (v < 0 ? v * (config['alpha'] as number) : v))
    case 'ELU':
      return each((v) => (v < 0 ? (config['alpha'] as number) * Math.expm1(v) : v))
    case 'Softmax':
      return activate(x, 'softmax')
    case 'Rescaling':
      return each((v, c) => v * (config['scale'] as number) + (config['offset'] as number[])[c]!)
    case 'Dropout':
      return x
    case 'Add':
      return merge(inputs, sum)
    case 'Multiply':
      return merge(inputs, (values) => values.reduce((a, b) => a * b, 1))
    case 'Subtract':
      return merge(inputs, ([a, b]) => a! - b!)
    case 'Average':
      return merge(inputs, (values) => sum(values) / values.length)
    case 'Maximum':
      return merge(inputs, (values) => Math.max(...values))
    case 'Minimum':
      return merge(inputs, (values) => Math.min(...values))
    case 'Lambda':
      return merge(inputs, ([a, b]) => a! + (config['arguments'] as { scale: number }).scale * b!)
    case 'Concatenate':
      return concatenate(inputs, config['axis'] as number)
    case 'MaxPooling2D':
      return pool(x, config, 'max')
    case 'AveragePooling2D':
      return pool(x, config, 'mean')
    case 'GlobalMaxPooling2D':
    case 'GlobalAveragePooling2D': {
      const all = pool(
        x,
        { pool_size: x.shape.slice(0, 2) },
        className === 'GlobalMaxPooling2D' ? 'max' : 'mean',
      )
      return config['keepdims'] === true ? all : { ...all, shape: [depth] }
    }
    case 'ZeroPadding2D':
      return pad(x, config, 'padding', 1)
    case 'Cropping2D':
      return pad(x, config, 'cropping', -1)
    case 'UpSampling2D': {
      const [rows, columns] = two(config['size'], [2, 2])
      const shape = [x.shape[0]! * rows!, x.shape[1]! * columns!, depth]
      if (config['interpolation'] !== 'bilinear')
        return make(shape, ([y, z, c]) => at(x, [Math.floor(y! / rows!), Math.floor(z! / columns!), c!])!)
      // Samples lie at the middles of pixels; beyond the outermost their values go on.
      const near = (place: number, factor: number, count: number) => {
        const middle = Math.min(Math.max((place + 0.5) / factor - 0.5, 0), count - 1)
        const first = Math.floor(middle)
        return [
          [first, 1 - middle + first],
          [Math.min(first + 1, count - 1), middle - first],
        ] as const
      }
      return make(shape, ([y, z, c]) =>
        near(y!, rows!, x.shape[0]!)
          .flatMap(([row, a]) =>
            near(z!, columns!, x.shape[1]!).map(([column, b]) => a * b * at(x, [row, column, c!])!),
          )
          .reduce((sum, part) => sum + part, 0),
      )
    }
    case 'Flatten':
      return { ...x, shape: [x.data.length] }
    case 'Reshape':
      return { ...x, shape: config['target_shape'] as number[] }
    case 'Permute': {
      const dims = config['dims'] as number[]
      const shape = dims.map((d) => x.shape[d - 1]!)
      return make(
        shape,
        (index) =>
          at(
            x,
            x.shape.map((_, a) => index[dims.indexOf(a + 1)]!),
          )!,
      )
    }
    default:
      throw new TypeError(`no reference for ${className}`)
  }
}
