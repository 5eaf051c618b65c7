import { type LayerConfig, layerError, oneOf } from '../model-graph/layers/layer-config.ts'

const activationNames = [
  'linear',
  'relu',
  'relu6',
  'sigmoid',
  'hard_sigmoid',
  'tanh',
  'softmax',
  'swish',
  'silu',
  'elu',
  'selu',
  'softplus',
  'softsign',
  'exponential',
] as const

export type ActivationName = (typeof activationNames)[number]

/** The layer's own `activation`; `linear` where it has none. */
export function activationOf(config: LayerConfig): ActivationName {
  return oneOf(config, 'activation', activationNames, 'linear')
}

/** `scale` or `offset` of a Rescaling layer: a number or one per channel. */
export function rescalingFactor(
  config: LayerConfig,
  key: 'scale' | 'offset',
  channels: number,
): Float32Array<ArrayBuffer> {
  const raw = config.config[key] ?? (key === 'scale' ? 1 : 0)
  const values: unknown[] = Array.isArray(raw) ? raw : [raw]
  const fits = values.length === 1 || values.length === channels
  if (!fits || !values.every((value) => typeof value === 'number' && Number.isFinite(value))) {
    throw layerError(
      config,
      `${key} must be a number or one per channel, current value is ${JSON.stringify(raw)}`,
    )
  }
  return Float32Array.from(values as number[])
}
