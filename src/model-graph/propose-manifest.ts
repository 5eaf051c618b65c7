import { borderShape, type GraphTensor, type LayerGraph } from './layer-graph.ts'
import type { Manifest, OutputSpec, PictureInput, ValuesSpec } from './manifest.ts'

/** What can be told of a model from its file alone. */
export interface Proposal {
  readonly manifest: Manifest
  /** What is a guess, and where to look it up. */
  readonly doubts: readonly string[]
  /** Whether no guess is among it that would make answers wrong: it may be used as it is. */
  readonly isSafe: boolean
}

export interface ProposalOptions {
  /** Class names lie beside the model in this file. */
  readonly labels?: string | undefined
  /** Class names that the file itself holds. */
  readonly classNames?: readonly string[] | undefined
}

/** A map of fewer rows or columns is taken for numbers. */
const smallestPicture = 8

/**
 * A manifest from a model's shapes and names. Numbers are taken as they are and outputs given as they are, which is never
 * wrong; how a picture is normalised and what boxes mean stands in no file, and is a guess.
 */
export function proposeManifest(graph: LayerGraph, options: ProposalOptions = {}): Proposal {
  const doubts: string[] = []
  const inputs = graph.inputs.map((id) => graph.tensors[id]!)
  const state = proposeState(graph, inputs)
  if (state !== undefined)
    doubts.push('state: taken from shapes and names; each output must really be the next value of its input')
  const given = inputs.filter(({ name }) => !Object.hasOwn(state ?? {}, name))
  const picture = given.length === 1 ? proposePicture(given[0]!) : undefined
  if (picture !== undefined)
    doubts.push(
      'input: mean, scale and channels are a guess; the training code or the model card has them (0..1 is mean 0, scale 255)',
    )
  const input =
    picture ?? (given.length === 1 ? ({ kind: 'values', ...proposeValues(given[0]!) } as const) : undefined)
  const output = proposeOutput(graph, picture, options, doubts)
  return {
    manifest: {
      name: graph.name,
      input: input ?? {
        kind: 'named',
        inputs: Object.fromEntries(given.map((tensor) => [tensor.name, proposeValues(tensor)])),
      },
      ...(state !== undefined && { state }),
      output,
    },
    doubts,
    isSafe: picture === undefined && state === undefined,
  }
}

/** As a file holds it. */
export function writeManifest({ name, input, fixed, state, output }: Manifest): unknown {
  const inputs = {
    ...(input.kind === 'named' ? input.inputs : {}),
    ...Object.fromEntries(Object.entries(fixed ?? {}).map(([key, value]) => [key, { value }])),
  }
  return {
    name,
    ...(input.kind !== 'named' && { input: 'channels' in input ? plainPicture(input) : input }),
    ...(Object.keys(inputs).length > 0 && { inputs }),
    ...(state !== undefined && { state }),
    output,
  }
}

/** One number where all channels have the same. */
function plainPicture({ mean, scale, ...rest }: PictureInput): object {
  const plain = (values: readonly number[]) =>
    values.every((value) => value === values[0]) ? values[0] : values
  return { ...rest, mean: plain(mean), scale: plain(scale) }
}

/** Inputs for which there is one output of their shape, which the others have not. */
function proposeState(
  graph: LayerGraph,
  inputs: readonly GraphTensor[],
): Readonly<Record<string, string>> | undefined {
  if (inputs.length < 2) return undefined
  const outputs = graph.outputs.map((id) => graph.tensors[id]!)
  const of = (tensors: readonly GraphTensor[], { shape }: GraphTensor) =>
    tensors.filter((each) => each.shape.join() === shape.join())
  const pairs = inputs.flatMap((input) => {
    const same = of(outputs, input)
    // Of several of one shape the names' order decides, as in h and c.
    const place = of(inputs, input).indexOf(input)
    return same.length === of(inputs, input).length ? [[input.name, same[place]!.name] as const] : []
  })
  return pairs.length === 0 || pairs.length === inputs.length ? undefined : Object.fromEntries(pairs)
}

function proposePicture(tensor: GraphTensor): PictureInput | undefined {
  const [channels, height, width] = borderShape(tensor)
  if (tensor.shape.length !== 3 || (channels !== 1 && channels !== 3)) return undefined
  if (height! < smallestPicture || width! < smallestPicture) return undefined
  return {
    width: width!,
    height: height!,
    channels: channels === 1 ? 'grey' : 'rgb',
    mean: [0, 0, 0],
    scale: [255, 255, 255],
  }
}

function proposeValues({ shape }: GraphTensor): ValuesSpec {
  // A scalar is sent as one number.
  return { shape: shape.length === 0 ? [1] : [...shape] }
}

function proposeOutput(
  graph: LayerGraph,
  picture: PictureInput | undefined,
  { labels, classNames = [] }: ProposalOptions,
  doubts: string[],
): OutputSpec {
  const outputs = graph.outputs.map((id) => graph.tensors[id]!)
  const scores = outputs.find((tensor) => isSoftmax(graph, tensor))
  const [first] = outputs
  const named = labels === undefined ? {} : { labels }
  const tensor = scores === undefined || outputs.length === 1 ? {} : { tensor: scores.name }
  if (scores !== undefined && scores.shape.length === 1)
    return { kind: 'softmax', ...named, topK: Math.min(5, scores.shape[0]!), ...tensor }
  const ofNames = outputs.find(
    ({ shape }) => classNames.length > 1 && shape.join() === `${classNames.length}`,
  )
  if (ofNames !== undefined)
    return { kind: 'classes', topK: Math.min(5, classNames.length), tensor: ofNames.name }
  if (outputs.length === 1 && labels !== undefined && first!.shape.length === 1)
    return { kind: 'classes', ...named, topK: Math.min(5, first!.shape[0]!) }
  const boxes = picture === undefined || outputs.length > 1 ? undefined : boxLayout(first!.shape, picture)
  if (boxes !== undefined) {
    doubts.push(`output: its shape is that of boxes in layout ${boxes}; draw some (surgeon infer --out)`)
    const rules = { score: 0.3, overlap: 0.45, most: 100, logits: false, background: 0 }
    return { kind: 'boxes', layout: boxes, ...named, coordinates: 'pixels', ...rules }
  }
  if (picture !== undefined && outputs.length === 1 && first!.shape.length === 1 && first!.shape[0]! > 1) {
    doubts.push('output: taken for scores of classes')
    return { kind: 'classes', ...named, topK: Math.min(5, first!.shape[0]!) }
  }
  return { kind: 'values', ...named }
}

function isSoftmax(graph: LayerGraph, { producer }: GraphTensor): boolean {
  const { type, definition } = graph.layers[producer]!
  if (type === 'Softmax') return true
  return definition.source === 'keras' && definition.config['activation'] === 'softmax'
}

function boxLayout(
  shape: readonly number[],
  { width, height }: PictureInput,
): 'yolov5' | 'yolov8' | 'yolox' | 'rows' | undefined {
  const [rows, columns] = shape
  if (shape.length !== 2 || rows === undefined || columns === undefined) return undefined
  const cells = [8, 16, 32].reduce((sum, stride) => sum + (width / stride) * (height / stride), 0)
  if (columns > 5 && rows === cells) return 'yolox'
  if (columns > 5 && rows === 3 * cells) return 'yolov5'
  if (columns === 6 && rows <= 1000) return 'rows'
  return rows > 4 && rows < columns ? 'yolov8' : undefined
}
