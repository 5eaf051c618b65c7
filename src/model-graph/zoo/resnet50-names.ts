/**
 * Layer names of ResNet50: Keras up to 2.2 named them after the Caffe model (`res2a_branch2a`, `bn2a_branch1`,
 * `fc1000`), later ones by stage and block (`conv2_block1_1_conv`, `conv2_block1_0_bn`, `predictions`). The networks
 * are the same, so weights of the one fit the other.
 */

const renamed: Readonly<Record<string, string>> = {
  __proto__: null as never,
  conv1: 'conv1_conv',
  bn_conv1: 'conv1_bn',
  fc1000: 'predictions',
}

/**
 * `res3b_branch2c/kernel` -> `conv3_block2_3_conv/kernel`.
 * @param weight name of a weight (or of a layer with weights) in Keras 2.2's ResNet50.
 * @returns the name in today's.
 * @throws {TypeError} for any other name.
 */
export function resNet50NameToday(weight: string): string {
  const slash = weight.indexOf('/')
  const layer = slash < 0 ? weight : weight.slice(0, slash)
  const rest = slash < 0 ? '' : weight.slice(slash)
  const same = renamed[layer]
  if (same !== undefined) return same + rest
  const parts = /^(res|bn)([2-5])([a-f])_branch(1|2a|2b|2c)$/.exec(layer)
  if (parts === null) {
    throw new TypeError(
      `Cannot rename weight: name must be one of Keras 2.2's ResNet50, current value is ${weight}`,
    )
  }
  const block = 'abcdef'.indexOf(parts[3]!) + 1
  const position = ['1', '2a', '2b', '2c'].indexOf(parts[4]!)
  return `conv${parts[2]!}_block${block}_${position}_${parts[1] === 'res' ? 'conv' : 'bn'}${rest}`
}
