/**
 * A wound: a legal split of a layer graph. The head is a down-closed set of layers (it holds every layer that its
 * layers read from), the tail is the rest, and `tensors` are what crosses, each once however many layers read it.
 */
export interface Wound {
  /** Stable within a model: `input`, `local`, or the names of the layers after which it cuts, joined by `+`. */
  readonly id: string
  /** Ids of the crossing tensors in `LayerGraph.tensors`, ascending. Empty for `local`. */
  readonly tensors: readonly number[]
  /** Indices of the head's layers, ascending, input layers included. `input` has only those; `local` has all. */
  readonly head: readonly number[]
}
