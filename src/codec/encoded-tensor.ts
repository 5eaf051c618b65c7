/** One crossing tensor in a codec's bytes. `shape` is the shape of the values: batch axis first, then channels first. */
export interface EncodedTensor {
  readonly shape: readonly number[]
  readonly bytes: Uint8Array<ArrayBuffer>
}
