import { expect, test } from 'vitest'
import { mobileNet, playConstant, resNet } from './worlds.ts'

const models = [
  ['MobileNetV2', mobileNet],
  ['ResNet50', resNet],
] as const
const speeds = [0.25, 0.5, 1, 2, 4, 8]
const seconds = 60

for (const [model, plans] of models) {
  for (const mbps of speeds) {
    test(`${model} at ${mbps} Mbps: an overloaded camera is answered at 0.96 of the bound or more`, () => {
      for (const load of [1.3, 3]) {
        const { answeredPerS, boundPerS } = playConstant(plans, mbps, 'camera', load, seconds)
        expect(answeredPerS / boundPerS).toBeGreaterThan(0.96)
        expect(answeredPerS / boundPerS).toBeLessThanOrEqual(1.01)
      }
    })
  }
}
