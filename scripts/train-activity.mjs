// Trains the bundled model `activity` on made-up windows of an accelerometer (lab/sensor/activities.ts) and writes
// models/activity. The same numbers at every run: initialisers are seeded and nothing is shuffled. TensorFlow.js is no
// dependency of the project: npm install --no-save @tensorflow/tfjs@4.22.0 && npm run build && node scripts/train-activity.mjs
import { mkdir, writeFile } from 'node:fs/promises'
import * as tf from '@tensorflow/tfjs'
import { activities, activityWindow, windowSamples } from '../dist/lab/sensor/activities.js'

const trainingWindows = 2000
const testWindows = 1000
/** Epochs at each rate of learning. */
const stages = [
  [0.004, 10],
  [0.001, 6],
]
const gravity = 9.81

/** Windows in turn of each activity, none of which another seed's has. */
function examples(count, firstSeed) {
  const windows = Array.from({ length: count }, (_, i) =>
    activityWindow(activities[i % activities.length], firstSeed + i),
  )
  const labels = Array.from({ length: count }, (_, i) => i % activities.length)
  return {
    x: tf.tensor3d(windows.map((window) => window.map((sample) => sample.map((value) => value / gravity)))),
    y: tf.oneHot(tf.tensor1d(labels, 'int32'), activities.length),
    labels,
  }
}

let seed = 0
const kernel = () => tf.initializers.heNormal({ seed: (seed += 1) })
const conv = (filters, kernelSize, rest = {}) =>
  tf.layers.conv1d({
    filters,
    kernelSize,
    padding: 'same',
    activation: 'relu',
    kernelInitializer: kernel(),
    ...rest,
  })
const model = tf.sequential({
  name: 'activity',
  layers: [
    conv(10, 5, { strides: 2, inputShape: [windowSamples, 3] }),
    conv(16, 5, { strides: 2 }),
    conv(24, 3),
    tf.layers.globalMaxPooling1d(),
    tf.layers.dense({ units: activities.length, activation: 'softmax', kernelInitializer: kernel() }),
  ],
})
const training = examples(trainingWindows, 1)
for (const [rate, epochs] of stages) {
  model.compile({ optimizer: tf.train.adam(rate), loss: 'categoricalCrossentropy', metrics: ['accuracy'] })
  await model.fit(training.x, training.y, {
    epochs,
    batchSize: 20,
    shuffle: false,
    verbose: 0,
    callbacks: {
      onEpochEnd: (_, { loss, acc }) => console.log(`loss ${loss.toFixed(4)}, right ${acc.toFixed(4)}`),
    },
  })
}
const test = examples(testWindows, 1_000_000)
const answered = await model.predict(test.x).argMax(1).data()
for (const [n, activity] of activities.entries()) {
  const own = test.labels.map((label, i) => (label === n ? answered[i] : -1)).filter((answer) => answer >= 0)
  console.log(
    `${activity}: ${((100 * own.filter((answer) => answer === n).length) / own.length).toFixed(1)} % right`,
  )
}

const folder = new URL('../models/activity/', import.meta.url)
await mkdir(folder, { recursive: true })
await model.save({
  save: async ({ modelTopology, weightSpecs, weightData }) => {
    const json = {
      format: 'layers-model',
      generatedBy: 'scripts/train-activity.mjs',
      modelTopology: withoutTraining(modelTopology),
      weightsManifest: [{ paths: ['weights.bin'], weights: weightSpecs }],
    }
    await writeFile(new URL('model.json', folder), `${JSON.stringify(json, undefined, 1)}\n`)
    await writeFile(
      new URL('weights.bin', folder),
      Buffer.from(Array.isArray(weightData) ? weightData[0] : weightData),
    )
    return { modelArtifactsInfo: {} }
  },
})
await writeFile(new URL('labels.json', folder), `${JSON.stringify(activities)}\n`)
const manifest = {
  name: 'activity',
  input: { kind: 'values', shape: [windowSamples, 3], names: ['x', 'y', 'z'], scale: gravity },
  output: { kind: 'softmax', labels: 'labels.json', topK: activities.length },
}
await writeFile(new URL('surgeon.json', folder), `${JSON.stringify(manifest, undefined, 2)}\n`)

/** Initialisers, regularisers and constraints say nothing of a model that has been trained. */
function withoutTraining(value) {
  if (Array.isArray(value)) return value.map(withoutTraining)
  if (typeof value !== 'object' || value === null) return value
  const kept = Object.entries(value).filter(([key]) => !/_(initializer|regularizer|constraint)$/.test(key))
  return Object.fromEntries(kept.map(([key, each]) => [key, withoutTraining(each)]))
}
