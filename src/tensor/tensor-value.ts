/** Values of one crossing tensor: float32, batch axis first, then the tensor's `borderShape`. */
export interface TensorValue {
  readonly shape: readonly number[]
  readonly data: Float32Array<ArrayBuffer>
}

/** A map of one member of which `data` is made when it is read; whoever computes channels last need not read it. */
export interface ChannelsLastValue extends TensorValue {
  /** @param to As many values as the shape has. */
  writeChannelsLast(to: Float32Array): void
}

export function isChannelsLast(value: TensorValue): value is ChannelsLastValue {
  return 'writeChannelsLast' in value
}
