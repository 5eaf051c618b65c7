// The folders from the lowest to the highest: a file may import from its own folder and from those before it.
// Exits 1 and names each import that points upwards, so that no circle between folders can come back.
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'

const layers = [
  'src/async',
  'src/memory',
  'src/tensor',
  'src/telemetry',
  'src/terminal',
  'src/markup',
  'src/files',
  'src/machine',
  'src/calendar',
  'src/config',
  'src/onnx',
  'src/model-graph',
  'src/input',
  'src/answer',
  'src/graph-picture',
  'src/charts',
  'src/codec',
  'src/executor',
  'src/latency-model',
  'src/frontier',
  'src/transport',
  'src/bandwidth-probe',
  'src/scheduler',
  'src/calibration',
  'src/embedded-broker',
  'src/home-assistant',
  'src/dashboard',
  'backend',
  'agent',
  'api',
  'lab',
  'bench',
  'cli',
]

const folderOf = (file) =>
  file
    .split('/')
    .slice(0, file.startsWith('src/') ? 2 : 1)
    .join('/')
const roots = [...new Set(layers.map((layer) => layer.split('/')[0]))]
const files = roots.flatMap((root) =>
  readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(root, name)),
)
const faults = []
for (const file of files) {
  const place = layers.indexOf(folderOf(file))
  if (place < 0) faults.push(`${file}: its folder is not in the list of layers`)
  for (const [, path] of readFileSync(file, 'utf8').matchAll(/(?:from|import\(|import) ?'(\.[^']+)'/g)) {
    const target = folderOf(normalize(join(dirname(file), path)))
    if (layers.indexOf(target) > place)
      faults.push(`${file} must not import from ${target}, which lies above it`)
  }
}
for (const fault of faults) console.error(fault)
process.exitCode = faults.length > 0 ? 1 : 0
