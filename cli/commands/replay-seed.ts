import {
  encodedInput,
  honestTransfer,
  type ReplayedWound,
  readSeedMeasurements,
  replaySeed,
  talkTransfer,
} from '../../lab/replay/seed-author.ts'
import { positiveNumber, readOptions } from '../../src/terminal/options.ts'
import { textTable } from '../../src/terminal/text-table.ts'
import { UsageError } from '../../src/terminal/usage-error.ts'

/** Of the talk's measurements. */
const usualMbps = '5.85'
const usualInputBytes = '33600'
const listed = 5

/** The talk's data re-done with its own transfer formula and with an honest one. */
export async function replaySeedAuthor(args: readonly string[]): Promise<number> {
  const { values } = readOptions(args, {
    options: {
      'seed-author': { type: 'string' },
      uplink: { type: 'string', default: usualMbps },
      downlink: { type: 'string' },
      'input-bytes': { type: 'string', default: usualInputBytes },
      json: { type: 'boolean' },
    },
  })
  const directory = values['seed-author']
  if (directory === undefined) throw new UsageError('surgeon replay needs --seed-author DIR')
  const link = {
    uplinkMbps: positiveNumber(values.uplink, '--uplink'),
    downlinkMbps: positiveNumber(values.downlink ?? values.uplink, '--downlink'),
  }
  const inputBytes = positiveNumber(values['input-bytes'], '--input-bytes')
  const measured = await readSeedMeasurements(directory)
  const talk = replaySeed(measured, link, talkTransfer)
  const honest = replaySeed(measured, link, honestTransfer)
  const encoded = { ...measured, wounds: [encodedInput(measured, inputBytes)] }
  const [input] = replaySeed(encoded, link, honestTransfer)
  const desirable = (wounds: readonly ReplayedWound[]) =>
    wounds.filter(({ acceleration }) => acceleration > 1).map(({ layers }) => layers)
  const differing = honest
    .filter(({ acceleration }, i) => acceleration > 1 !== talk[i]!.acceleration > 1)
    .map(({ layers }) => layers)
  if (values.json === true) {
    const summary = (wounds: readonly ReplayedWound[]) => ({ desirable: desirable(wounds), wounds })
    const { localS, firstLocalS } = measured
    const document = { ...link, localS, firstLocalS, talk: summary(talk), honest: summary(honest) }
    console.log(JSON.stringify({ ...document, differing, encodedInput: input }, undefined, 2))
    return 0
  }
  const rows = honest
    .map((wound, i) => ({ wound, ofTalk: talk[i]! }))
    .toSorted((a, b) => a.wound.seconds - b.wound.seconds)
    .map(({ wound, ofTalk }) => [
      `[${wound.layers.join(', ')}]`,
      ...[ofTalk, wound].flatMap(({ seconds, acceleration, minimumMbps }) => [
        seconds.toFixed(2),
        acceleration.toFixed(2),
        minimumMbps === undefined ? 'none' : minimumMbps.toFixed(2),
      ]),
    ])
  const header = ['wound', 'talk s', 'faster', 'least Mbps', 'honest s', 'faster', 'least Mbps']
  console.log(textTable([header, ...rows]))
  const count = (wounds: readonly ReplayedWound[]) => desirable(wounds).length
  const best = honest.toSorted((a, b) => a.seconds - b.seconds)[0]!
  console.log(
    [
      `\n${link.uplinkMbps} Mbps up, ${link.downlinkMbps} down; local ${measured.localS.toFixed(2)} s (first run ${measured.firstLocalS.toFixed(1)} s).`,
      `Desirable of ${honest.length} wounds: ${count(talk)} by the talk's formula, ${count(honest)} by the honest one.`,
      `They disagree on ${differing.length}${differing.length === 0 ? '' : `: ${wordsOf(differing)}`}.`,
      `Best wound [${best.layers.join(', ')}]: ${best.seconds.toFixed(2)} s. The encoded input of ${inputBytes} bytes, which the talk does not compare with: ${input!.seconds.toFixed(2)} s.`,
    ].join('\n'),
  )
  return 0
}

function wordsOf(wounds: readonly (readonly number[])[]): string {
  const names = wounds.slice(0, listed).map((layers) => `[${layers.join(', ')}]`)
  return names.join(' ') + (wounds.length > listed ? ` and ${wounds.length - listed} more` : '')
}
