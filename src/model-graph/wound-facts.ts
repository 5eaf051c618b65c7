import { elementsOf, type LayerGraph } from './layer-graph.ts'
import type { Wound } from './wound.ts'

export interface WoundTensor {
  readonly name: string
  /** Without the batch axis, in the source's order of axes. */
  readonly shape: readonly number[]
  /** As float32, uncompressed. */
  readonly bytes: number
}

/** What people and tables want to know of a wound. Layers count input layers, operations are those of one request. */
export interface WoundFacts {
  readonly id: string
  /** Names of the layers whose output crosses. */
  readonly after: readonly string[]
  readonly tensors: readonly WoundTensor[]
  readonly edgeLayers: number
  readonly backendLayers: number
  readonly edgeOps: number
  readonly backendOps: number
}

export function woundFacts(graph: LayerGraph, wound: Wound): WoundFacts {
  const crossing = wound.tensors.map((id) => graph.tensors[id]!)
  const after = wound.id === 'local' ? graph.outputs.map((id) => graph.tensors[id]!) : crossing
  const total = graph.layers.reduce((sum, { operations }) => sum + operations, 0)
  const edgeOps = wound.head.reduce((sum, index) => sum + graph.layers[index]!.operations, 0)
  return {
    id: wound.id,
    after: [...new Set(after.map(({ producer }) => graph.layers[producer]!.name))],
    tensors: crossing.map((tensor) => ({
      name: tensor.name,
      shape: tensor.shape,
      bytes: 4 * elementsOf(tensor),
    })),
    edgeLayers: wound.head.length,
    backendLayers: graph.layers.length - wound.head.length,
    edgeOps,
    backendOps: total - edgeOps,
  }
}
