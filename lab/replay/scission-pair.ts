import { featureCodec } from '../../src/codec/feature-codecs.ts'
import { rawInput } from '../../src/codec/image-codecs.ts'
import { segmentChain } from '../../src/executor/segment-chain.ts'
import type { LayerGraph } from '../../src/model-graph/layer-graph.ts'
import type { Wound } from '../../src/model-graph/wound.ts'
import type { CodecOption } from '../../src/scheduler/codec-options.ts'
import { inputWound, localWound } from '../../src/scheduler/plan-point.ts'
import type { MachinePair } from './machine-pair.ts'
import type { ScissionBlock, ScissionFile } from './scission-file.ts'

/** Keras' own sizes, where they are not 224. */
const pictureSides: Readonly<Record<string, number>> = {
  xception: 299,
  inception_v3: 299,
  inceptionresnet_v2: 299,
  nasnetlarge: 331,
}
const usualSide = 224
/** Quantising a value in JavaScript on a Raspberry Pi 4; scaled as the layers' times are. */
const encodeNsPerValue = 40
const asItIs = 'float32'

export interface ScissionChoices {
  readonly model: string
  readonly featureCodecs: readonly string[]
}

/**
 * A chain of blocks, which is what Scission measures, whatever the layers in them; every border is a wound.
 * @throws {TypeError} where the files do not have the same blocks.
 */
export function scissionPair(
  edge: ScissionFile,
  backend: ScissionFile,
  { model, featureCodecs }: ScissionChoices,
): MachinePair {
  checkBlocks(edge, backend, model)
  const { blocks } = edge
  const graph = blockGraph(blocks, model)
  const inner = blocks.slice(0, -1)
  const wounds: Wound[] = [
    { id: inputWound, tensors: [0], head: [0] },
    ...inner.map(({ lastLayer }, i) => ({
      id: `layer-${lastLayer}`,
      tensors: [i + 1],
      head: Array.from({ length: i + 2 }, (_, layer) => layer),
    })),
    { id: localWound, tensors: [], head: graph.layers.map(({ index }) => index) },
  ]
  const chain = segmentChain(graph, wounds)
  const options = (names: readonly string[]) =>
    names.map((codec): CodecOption => ({ codec, bytes: undefined }))
  return {
    setup: {
      graph,
      chain,
      profile: {
        version: 2,
        modelHash: '0'.repeat(32),
        engine: 'onnxruntime',
        threads: 1,
        slowdown: 1,
        machine: edge.path,
        measuredAt: '1970-01-01T00:00:00.000Z',
        segments: blocks.map(({ ms }, i) => ({
          from: wounds[i]!.id,
          to: wounds[i + 1]!.id,
          operations: chain.segments[i]!.operations,
          medianMs: ms,
          madMs: 0,
          runs: 1,
        })),
        codecs: inner.flatMap(({ outputBytes }, i) =>
          [...new Set([...featureCodecs, asItIs])].map((codec) => ({
            wound: wounds[i + 1]!.id,
            codec,
            encodeMs: codec === asItIs ? 0 : (edge.scale * encodeNsPerValue * outputBytes) / 4e6,
            bytes: featureCodec(codec).expectedBytes(outputBytes / 4, 1),
          })),
        ),
      },
      policy: 'surgeon',
      codecs: new Map([
        [inputWound, options(['received', rawInput])],
        ...wounds.slice(1, -1).map(({ id }): [string, CodecOption[]] => [id, options(featureCodecs)]),
      ]),
      resume: 'at-once',
    },
    tailMs: new Map(
      wounds
        .slice(0, -1)
        .map(({ id }, i) => [id, backend.blocks.slice(i).reduce((sum, { ms }) => sum + ms, 0)]),
    ),
  }
}

function checkBlocks(edge: ScissionFile, backend: ScissionFile, model: string): void {
  for (const [i, { lastLayer, outputBytes }] of edge.blocks.entries()) {
    const other = backend.blocks[i]
    if (other?.lastLayer !== lastLayer || other.outputBytes !== outputBytes)
      throw new TypeError(
        `Cannot replay ${model}: ${backend.path} must have the blocks of ${edge.path}; block ${i + 1} must end after layer ${lastLayer} and give ${outputBytes} bytes, current value is ${other === undefined ? 'none' : `layer ${other.lastLayer}, ${other.outputBytes} bytes`}`,
      )
  }
  if (backend.blocks.length !== edge.blocks.length)
    throw new TypeError(
      `Cannot replay ${model}: ${backend.path} must have the ${edge.blocks.length} blocks of ${edge.path}, current value is ${backend.blocks.length}`,
    )
}

/** An input layer and a layer for each block; what a block takes stands for its operations. */
function blockGraph(blocks: readonly ScissionBlock[], model: string): LayerGraph {
  const side = pictureSides[model] ?? usualSide
  const names = ['input', ...blocks.map(({ lastLayer }) => `layer-${lastLayer}`)]
  const shapes = [[side, side, 3], ...blocks.map(({ outputBytes }) => [outputBytes / 4])]
  return {
    name: model,
    layers: names.map((name, index) => ({
      index,
      name,
      type: index === 0 ? 'InputLayer' : 'Block',
      inputs: index === 0 ? [] : [index - 1],
      outputs: [index],
      weights: [],
      operations: index === 0 ? 0 : 1e6 * blocks[index - 1]!.ms,
      definition: { source: 'keras', config: {} },
    })),
    tensors: shapes.map((shape, id) => ({
      id,
      name: names[id]!,
      shape,
      layout: 'channels-last',
      producer: id,
      consumers: id < blocks.length ? [id + 1] : [],
    })),
    inputs: [0],
    outputs: [blocks.length],
  }
}
