/** Values of one crossing tensor: float32, batch axis first, then the tensor's `borderShape`. */
export interface TensorValue {
  readonly shape: readonly number[]
  readonly data: Float32Array<ArrayBuffer>
}
