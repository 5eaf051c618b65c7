// Makes src/codec/kernels/kernel-bytes.ts of kernels.wat; a test compares the two. The bytes are checked in, so that
// neither a build nor an install needs the assembler.
import { readFileSync, writeFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import wabt from 'wabt'

const folder = new URL('../src/codec/kernels/', import.meta.url)
const lineLength = 100

/** The TypeScript file for the text of a module. */
export async function assembledKernels(text) {
  const { parseWat } = await wabt()
  const module = parseWat('kernels.wat', text, { simd: true, sat_float_to_int: true, sign_extension: true })
  module.validate()
  const base64 = Buffer.from(module.toBinary({}).buffer).toString('base64')
  const lines = base64.match(new RegExp(`.{1,${lineLength}}`, 'g')).map((line) => `  '${line}',`)
  return `/** Made of kernels.wat by scripts/assemble-kernels.mjs: base64. */\nexport const kernelBytes = [\n${lines.join('\n')}\n].join('')\n`
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const text = readFileSync(new URL('kernels.wat', folder), 'utf8')
  writeFileSync(new URL('kernel-bytes.ts', folder), await assembledKernels(text))
}
