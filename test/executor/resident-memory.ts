/**
 * Entry of a process that compiles one part of a zoo model, runs it and prints its resident memory, now and at its peak, in bytes; what the
 * cache of compiled segments says goes to standard error.
 * Arguments: model, wound, `head` or `whole`, engine, directory of the cache.
 */
import { CompiledCache } from '../../src/executor/compiled-cache/compiled-cache.ts'
import type { EngineName } from '../../src/executor/engine.ts'
import { loadEngine } from '../../src/executor/load-engine.ts'
import { exampleInputs } from '../../src/executor/parity.ts'
import { cut, wholeModel } from '../../src/model-graph/cut.ts'
import { findWound } from '../../src/model-graph/find-wound.ts'
import { loadModel } from '../../src/model-graph/load-model.ts'
import { stderrLog } from '../../src/telemetry/stderr-log.ts'

const [name = '', wound = '', part = '', engineName = 'onnxruntime', directory] = process.argv.slice(2)
const model = await loadModel(`zoo:${name}`)
const segment =
  part === 'head' ? cut(model.graph, findWound(model.graph, wound)).head : wholeModel(model.graph)
const engine = await loadEngine(engineName as EngineName)
const cache =
  directory === undefined
    ? undefined
    : new CompiledCache({ directory, bytes: 2 ** 31 }, stderrLog('memory'), () => undefined)
const executable = await engine.compile(model, segment, { threads: 1, cache })
for (let n = 0; n < 5; n++) await executable.run(exampleInputs(model))
const peak = process.resourceUsage().maxRSS * 1024
process.stdout.write(`${process.memoryUsage.rss()} ${peak}\n`)
// Threads of an engine's own keep it alive.
process.exit()
