import { bindInputs } from './bind-inputs.ts'
import { borderShape, type LayerGraph } from './layer-graph.ts'
import { hasLabels, labelsFile, manifestPaths } from './load-manifest.ts'
import { type Manifest, withLabels } from './manifest.ts'
import type { Model } from './model.ts'
import { proposeManifest, writeManifest } from './propose-manifest.ts'

type Size = { readonly width: number; readonly height: number }

/**
 * A model with its manifest: what stands beside it, else of a published network what is known, else what follows from the
 * file where no guess is among it. Without any it loads, so that it can be looked at and cut, and reading its `manifest`
 * throws an error that proposes one.
 * @param known Of a published network, by its name and its picture's size.
 * @throws {TypeError} where the manifest does not fit.
 */
export async function withManifest<Bare extends Pick<Model, 'graph' | 'classNames'>>(
  model: Bare,
  path: string,
  given: Manifest | undefined,
  known: (name: string, size: Size) => Manifest | undefined,
): Promise<Bare & Pick<Model, 'manifest'>> {
  const { graph, classNames } = model
  const labels = (await hasLabels(path)) ? labelsFile : undefined
  const found = given ?? wellKnown(graph, known, labels)
  if (found !== undefined) {
    bindInputs(graph, found, path)
    return { ...model, manifest: found }
  }
  const { manifest, isSafe } = proposeManifest(graph, { labels, classNames })
  if (isSafe) return { ...model, manifest }
  return {
    ...model,
    get manifest(): Manifest {
      throw new TypeError(
        `Cannot tell how model '${graph.name}' wants its input: ${manifestPaths(path).join(' or ')} must exist; surgeon manifest proposes one, with what is a guess in it: ${JSON.stringify(writeManifest(manifest))}`,
      )
    },
  }
}

function wellKnown(
  graph: LayerGraph,
  known: (name: string, size: Size) => Manifest | undefined,
  labels: string | undefined,
): Manifest | undefined {
  const [, height, width] = borderShape(graph.tensors[graph.inputs[0]!]!)
  const manifest = known(graph.name, { width: width ?? 0, height: height ?? 0 })
  return manifest !== undefined && labels !== undefined ? withLabels(manifest, labels) : manifest
}
