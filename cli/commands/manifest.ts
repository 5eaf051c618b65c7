import { access, writeFile } from 'node:fs/promises'
import { findModel } from '../../src/model-graph/find-model.ts'
import { hasLabels, labelsFile } from '../../src/model-graph/load-manifest.ts'
import { loadModel } from '../../src/model-graph/load-model.ts'
import { proposeManifest, writeManifest } from '../../src/model-graph/propose-manifest.ts'
import { readOptions } from '../../src/terminal/options.ts'
import { UsageError } from '../../src/terminal/usage-error.ts'
import { modelOptions, readModelOptions } from '../model-options.ts'

/** Where editors find what a manifest may hold. */
const schemaUrl = 'https://unpkg.com/dnn-surgeon/docs/surgeon.schema.json'

/** Proposes a surgeon.json from a model's file: the manifest on stdout, what is a guess in it on stderr. */
export async function manifest(args: readonly string[]): Promise<number> {
  const { values } = readOptions(args, { options: { ...modelOptions, out: { type: 'string' } } })
  const { source, options } = readModelOptions(values, 'manifest')
  const place = await findModel(source)
  if (place.kind === 'zoo') throw new UsageError(`--model must be a file or folder, ${source} is of the zoo`)
  const { graph, classNames } = await loadModel(source, options)
  const labels = (await hasLabels(place.path)) ? labelsFile : undefined
  const fixed = options.inputValues
  const { manifest: proposed, doubts } = proposeManifest(graph, { labels, classNames })
  const document = writeManifest({ ...proposed, ...(fixed !== undefined && { fixed }) })
  const text = `${JSON.stringify({ $schema: schemaUrl, ...(document as object) }, undefined, 2)}\n`
  if (values.out === undefined) process.stdout.write(text)
  else await writeNew(values.out, text)
  for (const doubt of doubts) console.error(`To be checked: ${doubt}`)
  return 0
}

async function writeNew(path: string, text: string): Promise<void> {
  const isThere = await access(path).then(
    () => true,
    () => false,
  )
  if (isThere) throw new UsageError(`--out must name a new file, ${path} is there`)
  await writeFile(path, text)
  console.log(path)
}
