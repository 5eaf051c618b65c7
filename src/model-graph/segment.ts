/** A runnable part of a model: some layers, what they read and what they give (tensor ids of the layer graph). */
export interface Segment {
  readonly layers: readonly number[]
  readonly inputs: readonly number[]
  readonly outputs: readonly number[]
}
