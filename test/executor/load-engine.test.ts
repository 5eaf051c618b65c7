import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

/** Claims to be a machine that ONNX Runtime has no native build for, and goes on for a while afterwards. */
const script = `
Object.defineProperty(process, 'arch', { value: 'arm' })
const { loadEngine } = await import('${new URL('../../src/executor/load-engine.js', import.meta.url).href}')
await loadEngine('onnxruntime').catch(({ message }) => console.log(message))
console.log((await loadEngine('wasm')).name)
setTimeout(() => console.log('alive'), 50)
`

test('loadEngine: a machine without the native engine is told so and goes on with wasm', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script])
  const [told, other, end] = stdout.trim().split('\n')
  expect(told).toMatch(
    /^Cannot load engine onnxruntime: package onnxruntime-node must be installed and run on linux-arm/,
  )
  expect([other, end]).toEqual(['wasm', 'alive'])
})
