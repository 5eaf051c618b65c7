import { borderShape, type GraphTensor, type LayerGraph } from './layer-graph.ts'
import { channelsOf, type Manifest, type PictureInput, pictureOf, type ValuesSpec } from './manifest.ts'

/** Where one of the model's inputs comes from. */
export type InputBinding =
  | { readonly kind: 'picture'; readonly tensor: GraphTensor; readonly picture: PictureInput }
  | { readonly kind: 'values'; readonly tensor: GraphTensor; readonly spec: ValuesSpec }
  /** From what the same publisher's last message gave. */
  | { readonly kind: 'state'; readonly tensor: GraphTensor; readonly output: number }

/**
 * Where each of the model's inputs comes from, in their order.
 * @param origin File or folder, for messages.
 * @throws {TypeError} where the manifest and the model do not fit, with what the model has.
 */
export function bindInputs(graph: LayerGraph, manifest: Manifest, origin: string): InputBinding[] {
  const { input, state = {} } = manifest
  const inputs = graph.inputs.map((id) => graph.tensors[id]!)
  const stray = [...Object.keys(state), ...(input.kind === 'named' ? Object.keys(input.inputs) : [])].find(
    (name) => !inputs.some((tensor) => tensor.name === name),
  )
  if (stray !== undefined) throw unfit(graph, origin, `'${stray}' of its manifest must be one of its inputs`)
  const sole = inputs.filter(({ name }) => !Object.hasOwn(state, name)).length === 1
  return inputs.map((tensor): InputBinding => {
    if (Object.hasOwn(state, tensor.name)) return bindState(graph, tensor, state[tensor.name]!, origin)
    const picture = pictureOf(manifest)
    const spec =
      input.kind === 'named' ? input.inputs[tensor.name] : input.kind === 'values' ? input : undefined
    const wanted = picture === undefined ? spec?.shape : [channelsOf(picture), picture.height, picture.width]
    if (wanted === undefined) throw unfit(graph, origin, `its manifest must tell of input '${tensor.name}'`)
    // Pictures are made in the order in which they travel, numbers are sent in the model's own.
    const found = picture === undefined ? tensor.shape : borderShape(tensor)
    if ((input.kind !== 'named' && !sole) || wanted.join() !== found.join())
      throw unfit(
        graph,
        origin,
        `its one input must be ${input.kind ?? 'picture'} of ${wanted.join(' x ')} as its manifest says`,
      )
    return picture === undefined
      ? { kind: 'values', tensor, spec: spec! }
      : { kind: 'picture', tensor, picture }
  })
}

/** The bindings of one kind, in the order in which their tensors cross at the wound `input`. */
export function bindingsOf<Kind extends InputBinding['kind']>(
  bindings: readonly InputBinding[],
  kind: Kind,
): Extract<InputBinding, { readonly kind: Kind }>[] {
  return bindings
    .filter((binding) => binding.kind === kind)
    .toSorted((a, b) => a.tensor.id - b.tensor.id) as Extract<InputBinding, { readonly kind: Kind }>[]
}

function bindState(graph: LayerGraph, tensor: GraphTensor, name: string, origin: string): InputBinding {
  const output = graph.outputs.findIndex((id) => graph.tensors[id]!.name === name)
  const found = output < 0 ? undefined : graph.tensors[graph.outputs[output]!]!
  if (found === undefined)
    throw unfit(
      graph,
      origin,
      `state '${tensor.name}' must be one of its outputs, current value is '${name}'`,
    )
  if (borderShape(found).join() === borderShape(tensor).join()) return { kind: 'state', tensor, output }
  throw unfit(
    graph,
    origin,
    `'${name}' must have the shape of '${tensor.name}', current shapes are [${found.shape.join(', ')}] and [${tensor.shape.join(', ')}]`,
  )
}

function unfit(graph: LayerGraph, origin: string, complaint: string): TypeError {
  const list = (ids: readonly number[]) =>
    ids.map((id) => {
      const { name, shape } = graph.tensors[id]!
      return `'${name}' [${shape.join(', ')}]`
    })
  return new TypeError(
    `Cannot load ${origin}: ${complaint}, current inputs are ${list(graph.inputs).join(', ')}, outputs ${list(graph.outputs).join(', ')}`,
  )
}
