// Small networks of one dimension and recurrent ones, with what TensorFlow.js itself answers: writes
// test/model-graph/tfjs-layers.json, which the tests compare with. TensorFlow.js is no dependency of the project; to run
// this anew: npm install --no-save @tensorflow/tfjs@4.22.0 && node scripts/record-tfjs-layers.mjs
import { writeFile } from 'node:fs/promises'
import * as tf from '@tensorflow/tfjs'

const { layers } = tf

/** Repeatable values around 0 (mulberry32). */
function values(count, seed, amplitude) {
  let state = seed
  return Float32Array.from({ length: count }, () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return amplitude * (((t ^ (t >>> 14)) >>> 0) / 2 ** 31 - 1)
  })
}

const signal = [12, 3]
const over = (...rest) => ({ input: signal, rest })
const recurrent = { units: 4, recurrentActivation: 'sigmoid' }

const networks = {
  'conv same': over(layers.conv1d({ filters: 5, kernelSize: 4, padding: 'same', activation: 'relu' })),
  'conv strided': over(layers.conv1d({ filters: 4, kernelSize: 3, strides: 2, useBias: false })),
  'conv dilated': over(layers.conv1d({ filters: 4, kernelSize: 3, dilationRate: 2 })),
  'conv normalised': over(
    layers.conv1d({ filters: 4, kernelSize: 3 }),
    layers.batchNormalization(),
    layers.reLU(),
  ),
  'max pooling': over(layers.maxPooling1d({ poolSize: 3, strides: 2, padding: 'same' })),
  'average pooling': over(layers.averagePooling1d({ poolSize: 2 })),
  'global average': over(layers.globalAveragePooling1d()),
  'global max': over(layers.globalMaxPooling1d()),
  'dense over steps': over(layers.dense({ units: 5, activation: 'tanh' }), layers.flatten()),
  classifier: over(
    layers.conv1d({ filters: 6, kernelSize: 3, padding: 'same', activation: 'relu' }),
    layers.maxPooling1d({ poolSize: 2 }),
    layers.spatialDropout1d?.({ rate: 0.2 }) ?? layers.dropout({ rate: 0.2 }),
    layers.conv1d({ filters: 8, kernelSize: 3 }),
    layers.globalAveragePooling1d(),
    layers.dense({ units: 3, activation: 'softmax' }),
  ),
  lstm: over(layers.lstm(recurrent)),
  'lstm hard sigmoid, no bias': over(layers.lstm({ units: 4, useBias: false })),
  'lstm sequence': over(layers.lstm({ ...recurrent, returnSequences: true }), layers.lstm({ units: 2 })),
  'lstm backwards': over(layers.lstm({ ...recurrent, goBackwards: true, activation: 'softsign' })),
  gru: over(layers.gru(recurrent)),
  'gru sequence': over(layers.gru({ units: 3, returnSequences: true }), layers.flatten()),
  'simple rnn': over(layers.simpleRNN({ units: 4, activation: 'relu' })),
  'both ways, last': over(layers.bidirectional({ layer: layers.lstm(recurrent), mergeMode: 'concat' })),
  'both ways, each step': over(
    layers.bidirectional({ layer: layers.gru({ ...recurrent, returnSequences: true }), mergeMode: 'concat' }),
    layers.dense({ units: 2 }),
  ),
  'both ways, summed': over(layers.bidirectional({ layer: layers.gru(recurrent), mergeMode: 'sum' })),
  'both ways, averaged': over(
    layers.bidirectional({ layer: layers.simpleRNN({ units: 3, returnSequences: true }), mergeMode: 'ave' }),
  ),
  embedding: {
    input: [9],
    ids: 20,
    rest: [
      layers.embedding({ inputDim: 20, outputDim: 5 }),
      layers.lstm(recurrent),
      layers.dense({ units: 2 }),
    ],
  },
}

const recorded = []
for (const [name, { input, ids, rest }] of Object.entries(networks)) {
  const model = tf.sequential({ layers: [layers.inputLayer({ inputShape: input }), ...rest] })
  const weights = model.getWeights().map((weight, i) => {
    const raw = values(weight.size, 7 * i + 1, 0.6)
    // Variances are positive.
    return tf.tensor(weight.name?.includes('variance') || i === 5 ? raw.map(Math.abs) : raw, weight.shape)
  })
  model.setWeights(weights)
  const count = input.reduce((product, n) => product * n, 1)
  const given = values(count, 99, 1).map((value) => (ids ? Math.floor(((value + 1) / 2) * ids) : value))
  const answer = model.predict(tf.tensor(given, [1, ...input]))
  let saved
  await model.save({ save: async (artifacts) => ((saved = artifacts), { modelArtifactsInfo: {} }) })
  const { modelTopology, weightSpecs, weightData } = saved
  const rounded = (numbers) => Array.from(numbers, (value) => Number(value.toPrecision(7)))
  recorded.push({
    name,
    modelTopology: strip(modelTopology),
    weightSpecs,
    weights: Buffer.from(Array.isArray(weightData) ? weightData[0] : weightData).toString('base64'),
    input: rounded(given),
    output: rounded(answer.dataSync()),
    shape: answer.shape.slice(1),
  })
}

/** Initialisers, regularisers and constraints say nothing of a model that has been trained. */
function strip(value) {
  if (Array.isArray(value)) return value.map(strip)
  if (typeof value !== 'object' || value === null) return value
  const kept = Object.entries(value).filter(([key]) => !/_(initializer|regularizer|constraint)$/.test(key))
  return Object.fromEntries(kept.map(([key, each]) => [key, strip(each)]))
}

const path = new URL('../test/model-graph/tfjs-layers.json', import.meta.url)
await writeFile(path, `[\n${recorded.map((each) => JSON.stringify(each)).join(',\n')}\n]\n`)
console.log(`${recorded.length} networks`)
