import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import {
  encodedInput,
  honestTransfer,
  readSeedMeasurements,
  replaySeed,
  talkTransfer,
} from '../../lab/replay/seed-author.ts'
import { noSharedData, sharedData } from '../shared-data.ts'

async function writtenFolder(tails = '[6],803320,25,0.5\n"[7, 14]",1606640,25,0.4\n'): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'seed-author-'))
  const files = {
    'raspberrypi_frontend.csv': '1,2,3,wound\n9,0.2,0.2,[6]\n9,0.3,0.3,"[7, 14]"\n',
    'laptop_basic.csv': `wound,transfer_file_size,donor_file_size,backend_time\n${tails}`,
    'inference_time_raspberrypi.txt': '7\n2.5\n2.5\n',
    'inference_time_laptop.txt': '1\n0.35\n0.35\n',
  }
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text)
  return folder
}

test('replaySeed() reckons by either formula, by hand the same', async () => {
  const measured = await readSeedMeasurements(await writtenFolder())
  expect(measured).toMatchObject({ localS: 2.5, firstLocalS: 7, wholeBackendS: 0.35 })
  const link = { uplinkMbps: 8, downlinkMbps: 4 }
  const [talk] = replaySeed(measured, link, talkTransfer)
  const kilobytes = (803_320 + 25) / 1024
  expect(talk!.seconds).toBeCloseTo(0.7 + kilobytes / (8 * 125) + kilobytes / (4 * 125), 9)
  expect(talk!.acceleration).toBeCloseTo(2.5 / talk!.seconds, 9)
  const [honest, pair] = replaySeed(measured, link, honestTransfer)
  expect(honest!.seconds).toBeCloseTo(0.7 + 803_320 / 1e6 + 4000 / 0.5e6, 9)
  expect(pair!.layers).toEqual([7, 14])
  // At its least rate, both ways, a wound is as fast as local.
  const least = { uplinkMbps: honest!.minimumMbps!, downlinkMbps: honest!.minimumMbps! }
  expect(replaySeed(measured, least, honestTransfer)[0]!.acceleration).toBeCloseTo(1, 9)
  const [input] = replaySeed({ ...measured, wounds: [encodedInput(measured, 1e6)] }, link, honestTransfer)
  expect(input!.seconds).toBeCloseTo(0.35 + 1 + 0.008, 9)
})

test('readSeedMeasurements() names the line that is wrong', async () => {
  await expect(readSeedMeasurements(await writtenFolder('[6],many,25,0.5\n'))).rejects.toThrow(
    /laptop_basic\.csv:2: each value must be a number of at least 0, current value is many/,
  )
  await expect(readSeedMeasurements(await writtenFolder('[5],1,25,0.5\n'))).rejects.toThrow(
    /:2: .*wound \[5\]/,
  )
  await expect(readSeedMeasurements(await writtenFolder('[6],1\n'))).rejects.toThrow(/:2: .*4 columns/)
  await expect(readSeedMeasurements('/nonexistent')).rejects.toThrow(/Cannot read \/nonexistent/)
})

test("the talk's data: its best wound against the encoded input", async ({ skip }) => {
  const folder = sharedData('latency/dnn-surgery')
  skip(folder === undefined, noSharedData)
  const measured = await readSeedMeasurements(folder!)
  expect(measured.wounds).toHaveLength(103)
  const link = { uplinkMbps: 5.85, downlinkMbps: 5.85 }
  const honest = replaySeed(measured, link, honestTransfer)
  const sixth = honest.find(({ layers }) => layers.join() === '6')!
  expect(sixth.seconds).toBeGreaterThan(1.65)
  expect(sixth.seconds).toBeLessThan(1.8)
  const [input] = replaySeed({ ...measured, wounds: [encodedInput(measured, 33_600)] }, link, honestTransfer)
  expect(input!.seconds).toBeLessThan(sixth.seconds / 3)
})
