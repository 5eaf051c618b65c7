// Makes the package that is published and installed: dnn-surgeon-VERSION.tgz in the folder given, or here. Run after the
// build. It carries the engines within it, reduced to what Surgeon loads: ONNX Runtime's own package fetches CUDA
// libraries when it is installed, from outside the npm registry, and fails where that is out of reach; and of its 500 MB
// those for other systems and for browsers are nothing to a Pi.
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'

const root = join(import.meta.dirname, '..')
const out = resolve(process.argv[2] ?? '.')

/** Of each engine package: what is kept, by the beginning of its path. */
const engines = {
  'onnxruntime-common': ['dist/cjs/', 'dist/esm/'],
  'onnxruntime-node': ['dist/', 'bin/napi-v6/linux/'],
  'onnxruntime-web': [
    'dist/ort.node.min.js',
    'dist/ort.node.min.mjs',
    'dist/ort-wasm-simd-threaded.mjs',
    'dist/ort-wasm-simd-threaded.wasm',
    'types.d.ts',
  ],
}

const licence = `MIT License

Copyright (c) Microsoft Corporation

${readFileSync(join(root, 'LICENSE'), 'utf8').replace(/^[\s\S]*?(?=Permission is hereby)/, '')}`

const staging = mkdtempSync(join(tmpdir(), 'surgeon-pack-'))
try {
  const [{ files }] = JSON.parse(npm(root, 'pack', '--dry-run', '--json'))
  for (const { path } of files) copy(join(root, path), join(staging, path))
  const { private: _, scripts, devDependencies, ...manifest } = json(join(root, 'package.json'))
  write('package.json', { ...manifest, bundleDependencies: Object.keys(engines) })
  for (const [name, kept] of Object.entries(engines)) stageEngine(name, kept)
  mkdirSync(out, { recursive: true })
  const [{ filename, size, unpackedSize }] = JSON.parse(
    npm(staging, 'pack', '--json', '--pack-destination', out),
  )
  const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`
  console.log(`${join(out, filename)}: ${megabytes(size)}, unpacked ${megabytes(unpackedSize)}`)
} finally {
  rmSync(staging, { recursive: true, force: true })
}

function stageEngine(name, kept) {
  const from = join(root, 'node_modules', name)
  const to = join('node_modules', name)
  cpSync(from, join(staging, to), {
    recursive: true,
    filter: (path) => {
      const inside = path.slice(from.length + 1)
      return (
        !inside.endsWith('.map') &&
        kept.some((one) => one.startsWith(`${inside}/`) || inside.startsWith(one) || inside === '')
      )
    },
  })
  const { scripts, dependencies, devDependencies, ...manifest } = json(join(from, 'package.json'))
  const own = Object.entries(dependencies ?? {}).filter(([one]) => one in engines)
  write(join(to, 'package.json'), { ...manifest, dependencies: Object.fromEntries(own) })
  writeFileSync(join(staging, to, 'LICENSE'), licence)
}

function npm(cwd, ...args) {
  return execFileSync('npm', [...args, '--ignore-scripts', '--silent'], { cwd, encoding: 'utf8' })
}

function json(path) {
  return JSON.parse(readFileSync(path, 'utf8'))
}

function write(path, document) {
  writeFileSync(join(staging, path), `${JSON.stringify(document, undefined, 2)}\n`)
}

function copy(from, to) {
  mkdirSync(dirname(to), { recursive: true })
  cpSync(from, to)
}
