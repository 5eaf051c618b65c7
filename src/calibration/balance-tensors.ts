import type { Disturbed } from './fit-weights.ts'
import { noiseSigns } from './noise-signs.ts'

/** Of a tensor's own deviation: strong enough to be measured, weak enough that the output answers in proportion. */
const noiseShare = 0.25
const mostMaps = 24
/** Beyond this factor a tensor's divergence was too small to be measured. */
const mostBalance = 8

/** What `Disturb` is, of a crossing tensor. */
export type DisturbTensor = (tensor: number, disturbed: readonly Disturbed[]) => Promise<number>

/**
 * By what each crossing tensor's steps, relative to its deviation, should differ from the mean, so that a byte does the
 * same good in every tensor: with n values, and divergence d for noise in proportion to its deviation, in proportion to
 * the root of n / d (the coarsest steps where many values matter little). The geometric mean over all values is 1.
 * @param tensors of each its maps, all of one shape, and their number of channels.
 */
export async function balanceTensors(
  tensors: readonly { readonly channels: number; readonly maps: readonly Float32Array[] }[],
  disturb: DisturbTensor,
): Promise<number[]> {
  if (tensors.length === 1) return [1]
  const sign = noiseSigns(2)
  const logs: number[] = []
  for (const [t, { channels, maps }] of tensors.entries()) {
    const amplitude = noiseShare * deviation(channels, maps)
    const used = Math.min(maps.length, mostMaps)
    const disturbed = Array.from({ length: used }, (_, m) => {
      const index = Math.floor((m * maps.length) / used)
      return { index, noise: Float32Array.from(maps[index]!, () => amplitude * sign()) }
    })
    const sum = await disturb(t, disturbed)
    logs.push(0.5 * Math.log(maps[0]!.length / Math.max(sum / used, 1e-9)))
  }
  const values = tensors.map(({ maps }) => maps[0]!.length)
  const mean =
    logs.reduce((sum, log, t) => sum + log * values[t]!, 0) / values.reduce((sum, count) => sum + count, 0)
  return logs.map((log) => Math.max(1 / mostBalance, Math.min(mostBalance, Math.exp(log - mean))))
}

/** Root mean square of the values about their channel's mean. */
function deviation(channels: number, maps: readonly Float32Array[]): number {
  const area = maps[0]!.length / channels
  let squares = 0
  for (let c = 0; c < channels; c++) {
    let sum = 0
    let square = 0
    for (const map of maps) {
      for (let i = c * area; i < (c + 1) * area; i++) {
        sum += map[i]!
        square += map[i]! * map[i]!
      }
    }
    squares += square - (sum * sum) / (area * maps.length)
  }
  return Math.sqrt(Math.max(0, squares) / (channels * area * maps.length))
}
