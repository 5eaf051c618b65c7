// What the frontier of a model of the zoo takes: node scripts/time-frontier.mjs [MODEL] (after npm run build, on Linux).
// Processor time of the computing thread and of the whole process, in which Node also compiles and collects: the first
// call of this process, and the fortieth. Costs are calibrated at the two ends: six codecs each, as a calibration leaves.
import { readFileSync } from 'node:fs'
import { frontier } from '../dist/src/frontier/frontier.js'
import { referenceCosts } from '../dist/src/frontier/reference-pairs.js'
import { graphFromKeras } from '../dist/src/model-graph/keras-topology.js'
import { singleWounds } from '../dist/src/model-graph/single-wounds.js'
import { zooModels } from '../dist/src/model-graph/zoo/zoo.js'

const [name = 'nasnetlarge', pair = '0'] = process.argv.slice(2)
const model = zooModels.find((each) => each.name === name)
const graph = graphFromKeras(model.build().topology, { origin: name })
const costs = referenceCosts(graph)[Number(pair)]
const ends = [singleWounds(graph)[0], singleWounds(graph).at(-2)].flatMap(({ tensors }) => tensors)
const crossings = costs.crossings.map((options, tensor) =>
  ends.includes(tensor)
    ? [1, 0.6, 0.4, 0.25, 0.15, 0.1].map((share, i) => ({
        codec: `${i}`,
        bytes: Math.round(share * options[0].bytes),
        encodeUs: 1000 * (i + 1),
        decodeUs: 500 * (i + 2),
      }))
    : options,
)

const threadMs = () => Number(readFileSync('/proc/thread-self/schedstat', 'utf8').split(' ')[0]) / 1e6
const processMs = () => (process.cpuUsage().user + process.cpuUsage().system) / 1000
for (let call = 1; call <= 40; call++) {
  const [thread, whole] = [threadMs(), processMs()]
  const plans = frontier(graph, { ...costs, crossings })
  const [own, all] = [threadMs() - thread, processMs() - whole]
  if (call === 1 || call === 40) {
    console.log(
      `${name}, call ${call}: ${plans.length} plans, ${own.toFixed(0)} ms in the thread, ${all.toFixed(0)} ms in all`,
    )
  }
}
