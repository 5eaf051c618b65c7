import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { defineConfig } from 'vitest/config'
import { BaseSequencer } from 'vitest/node'
import { findMosquitto } from './scripts/find-mosquitto.mjs'
import { SkippedReasons } from './scripts/skipped-reasons.mjs'
import { patienceMs } from './test/patience.ts'

// Tests run from dist/: worker threads and child processes start from the same compiled files that ship.
const all = 'dist/test/**/*.test.js'
// What only computes may share a process, which spares half its time.
const computing =
  'dist/test/{answer,async,bandwidth-probe,calendar,charts,codec,config,files,frontier,graph-picture,input,latency-model,machine,model-graph,scheduler,telemetry,tensor,terminal}/**/*.test.js'
// What is checked there is a rate in real time, so nothing else may run beside it.
const alone = 'dist/test/lab/link-emulator.test.js'

/** Test files that start a broker: they run on the embedded one, and again on Mosquitto where that is installed. */
function overBroker() {
  let files = []
  try {
    files = readdirSync('dist/test', { recursive: true }).map((file) => `dist/test/${file}`)
  } catch {
    // Not built.
  }
  const starts = /from '.*start-broker\.js'/
  return files.filter((file) => file.endsWith('.test.js') && starts.test(readFileSync(file, 'utf8')))
}

// These take longest. A fresh clone does not know that yet, and would wait for one of them at the end.
const longest = [
  'executor/zoo-wounds',
  'end-to-end/several-tensors',
  'executor/xnnpack-zoo',
  'end-to-end/agent-memory',
]
class LongestFirst extends BaseSequencer {
  async sort(files) {
    const isLong = ({ moduleId }) => Number(longest.some((name) => moduleId.endsWith(`/${name}.test.js`)))
    return (await super.sort(files)).toSorted((a, b) => isLong(b) - isLong(a))
  }
}

// What end-to-end tests have compiled, for all of this run and none after it.
const compiled = mkdtempSync(join(tmpdir(), 'surgeon-compiled-'))
process.once('exit', () => rmSync(compiled, { recursive: true, force: true }))

const mosquitto = findMosquitto()
const again = overBroker()
const project = (name, include, { exclude = [], env = {}, isolate = true, groupOrder = 0 } = {}) => ({
  extends: true,
  test: { name, include, exclude, env, isolate, sequence: { groupOrder } },
})

export default defineConfig({
  test: {
    testTimeout: 1.5 * patienceMs,
    hookTimeout: 1.5 * patienceMs,
    expect: { poll: { timeout: patienceMs } },
    slowTestThreshold: 60_000,
    // More than cores: tests of processes and links mostly wait.
    maxWorkers: 4,
    pool: 'forks',
    sequence: { sequencer: LongestFirst },
    env: { SURGEON_MOSQUITTO: mosquitto ?? '', SURGEON_TEST_COMPILED: compiled },
    reporters: [
      'default',
      new SkippedReasons(
        mosquitto === undefined ? [`${again.length} files again on Mosquitto, which is not installed`] : [],
      ),
      'json',
    ],
    outputFile: { json: 'test-report.json' },
    projects: [
      project('computing', [computing], { isolate: false }),
      project('all', [all], { exclude: [computing, alone] }),
      ...(mosquitto === undefined
        ? []
        : [project('on Mosquitto', again, { env: { SURGEON_TEST_BROKER: 'mosquitto' } })]),
      project('alone', [alone], { groupOrder: 1 }),
    ],
  },
})
