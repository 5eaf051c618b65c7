import { bindInputs, bindingsOf, type InputBinding } from '../model-graph/bind-inputs.ts'
import { toSourceOrder } from '../model-graph/border-order.ts'
import { borderShape, type LayerGraph } from '../model-graph/layer-graph.ts'
import { type Manifest, pictureOf } from '../model-graph/manifest.ts'
import type { TensorValue } from '../tensor/tensor-value.ts'
import { type AnswerSpec, answerSpec } from './answer-spec.ts'
import { condense } from './condense.ts'
import {
  type ClassScore,
  type FoundBox,
  type NamedValues,
  type PictureSize,
  presentBoxes,
  presentClasses,
  presentText,
  presentValues,
} from './present.ts'
import { isDistribution } from './probabilities.ts'

export type StateBinding = Extract<InputBinding, { readonly kind: 'state' }>

/** What a model's output means, as the manifest says. */
export type AnswerBody =
  | { readonly top: readonly ClassScore[] }
  | { readonly boxes: readonly FoundBox[] }
  | { readonly text: string }
  | { readonly outputs: readonly NamedValues[] }

/** Reads a model's outputs: in rows where somebody else has condensed them, else as they are. */
export class AnswerReader {
  /** How others are to condense the outputs; undefined where an answer is the outputs themselves. */
  readonly spec: AnswerSpec | undefined
  /** Which outputs are the publisher's next state, in the order of their inputs. */
  readonly state: readonly StateBinding[]
  private readonly manifest: Manifest
  private readonly graph: LayerGraph
  private readonly labels: readonly string[]

  /** @throws {TypeError} where the manifest names what the model has not. */
  constructor(
    { manifest, graph }: { readonly manifest: Manifest; readonly graph: LayerGraph },
    labels: readonly string[],
  ) {
    this.spec = answerSpec(manifest, graph)
    this.state =
      manifest.state === undefined ? [] : bindingsOf(bindInputs(graph, manifest, manifest.name), 'state')
    this.manifest = manifest
    this.graph = graph
    this.labels = labels
  }

  /** @param sent Of the picture, which boxes need. */
  read(outputs: readonly TensorValue[], sent: PictureSize | undefined): AnswerBody {
    if (this.spec === undefined || this.spec.kind === 'values') return { outputs: this.chosenValues(outputs) }
    if (this.spec.kind === 'softmax') this.requireProbabilities(outputs[this.spec.outputs[0]!]!)
    return this.readRows(condense(this.spec, outputsInOrder(this.graph, outputs)), sent)
  }

  /** @param condensed As {@link condense} gives it; where there is no `spec`, the outputs. */
  readCondensed(condensed: readonly TensorValue[], sent: PictureSize | undefined): AnswerBody {
    return this.spec === undefined || this.spec.kind === 'values'
      ? { outputs: this.chosenValues(condensed) }
      : this.readRows(condensed[0]!, sent)
  }

  /** What the outputs leave for the publisher's next sample. @param isCondensed As a worker gives them. */
  stateOf(outputs: readonly TensorValue[], isCondensed: boolean): TensorValue[] {
    if (isCondensed && this.spec?.kind !== 'values') return outputs.slice(1)
    return this.state.map(({ output }) => outputs[output]!)
  }

  /** The first answer tells a manifest that means another output. @throws {TypeError} */
  private requireProbabilities({ data }: TensorValue): void {
    if (isDistribution(data)) return
    const { name } = this.manifest
    const shown = this.graph.outputs.map((id) => {
      const tensor = this.graph.tensors[id]!
      return `'${tensor.name}' [${borderShape(tensor).join(', ')}]`
    })
    throw new TypeError(
      `Cannot answer for model ${name}: an output of kind softmax must be probabilities that sum to 1, current values begin with ${data.subarray(0, 4).join(', ')}; its outputs are ${shown.join(', ')}: name the right one (output.tensor), or use kind classes`,
    )
  }

  private readRows(rows: TensorValue, sent: PictureSize | undefined): AnswerBody {
    const { input, output } = this.manifest
    if (output.kind === 'text') return { text: presentText(rows, output) }
    if (output.kind !== 'boxes') return { top: presentClasses(rows, this.labels) }
    const picture = pictureOf({ input })!
    return { boxes: presentBoxes(rows, this.labels, picture, sent ?? picture) }
  }

  private chosenValues(outputs: readonly TensorValue[]): NamedValues[] {
    const { output } = this.manifest
    const wanted = output.kind === 'values' ? output.tensors : undefined
    const all = presentValues(
      outputsInOrder(this.graph, outputs),
      this.graph.outputs.map((id) => this.graph.tensors[id]!.name),
    )
    return wanted === undefined ? all : all.filter(({ name }) => wanted.includes(name))
  }
}

/** A model's outputs, each as the model's file orders it. */
export function outputsInOrder(graph: LayerGraph, outputs: readonly TensorValue[]): TensorValue[] {
  return outputs.map((output, i) => toSourceOrder(output, graph.tensors[graph.outputs[i]!]!))
}
