// Makes src/codec/kernels/kernel-bytes.ts of kernels.wat and the files it includes; a test compares the two. The bytes are
// checked in, so that neither a build nor an install needs the assembler.
import { readFileSync, writeFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import wabt from 'wabt'

const folder = new URL('../src/codec/kernels/', import.meta.url)
const lineLength = 100

/** The TypeScript file for the module. */
export async function assembledKernels() {
  const read = (name) => readFileSync(new URL(name, folder), 'utf8')
  const text = read('kernels.wat').replace(/;; include (.+)/g, (_, name) => read(name))
  const { parseWat } = await wabt()
  const module = parseWat('kernels.wat', text, { simd: true, sat_float_to_int: true, sign_extension: true })
  module.validate()
  const base64 = Buffer.from(module.toBinary({}).buffer).toString('base64')
  const lines = base64.match(new RegExp(`.{1,${lineLength}}`, 'g')).map((line) => `  '${line}',`)
  return `/** Made of kernels.wat by scripts/assemble-kernels.mjs: base64. */\nexport const kernelBytes = [\n${lines.join('\n')}\n].join('')\n`
}

if (import.meta.url === pathToFileURL(process.argv[1]).href)
  writeFileSync(new URL('kernel-bytes.ts', folder), await assembledKernels())
