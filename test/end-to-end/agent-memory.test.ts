import { readFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import sharp from 'sharp'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { startEmbedded } from '../brokers/embedded.ts'
import { noXnnpack, xnnpackWhereInstalled } from '../executor/xnnpack-setup.ts'
import { bundledPhoto } from '../model-input.ts'
import { repositoryRoot } from '../paths.ts'
import { askUntil } from './ask-until.ts'
import { type EndToEnd, endToEnd, stateTopic } from './stage.ts'

let running: EndToEnd | undefined
afterEach(async () => {
  await running?.close()
  running = undefined
})

/** Megabytes that a process has resident: all, its own, and of files. */
async function residentMb(pid: number): Promise<{ all: number; own: number; files: number }> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  const of = (name: string) =>
    (Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)![1]) * 1024) / 1e6
  return { all: of('VmRSS'), own: of('RssAnon'), files: of('RssFile') }
}

/** All of it where it is over 200 MB, so that a failure tells which part has grown. */
async function tooLarge(pid: number) {
  const memory = await residentMb(pid)
  return memory.all > 200 ? memory : undefined
}

/** As the service is installed. */
async function serviceEnvironment(): Promise<Record<string, string>> {
  const unit = await readFile(new URL('deploy/systemd/surgeon-agent.service', repositoryRoot), 'utf8')
  const settings = [...unit.matchAll(/^Environment=(.*)$/gm)].flatMap(([, line]) => line!.split(' '))
  return Object.fromEntries(settings.map((setting) => setting.split(/=(.*)/s).slice(0, 2)))
}

const impossible = process.platform === 'linux' ? undefined : 'there is no /proc here'

describe('an agent with a fixed wound', () => {
  beforeEach(({ skip }) => skip(impossible !== undefined, impossible))

  test("cuts VGG19 after block3_pool and is below 200 MB once it has tidied up: 575 MB of weights are the worker's", async () => {
    running = await endToEnd(startEmbedded)
    const { start, message, ask } = running
    const model = { model: 'vgg19', weights: 'random' }
    const limits = { batch: 1, tailBytes: 1 }
    const worker = await start('worker', { worker: 'pool-1', models: [model], threads: 2, limits })
    const announced = message(stateTopic.worker('pool-1'), (text) => text !== '')
    const settings = { device: 'pi', model, wound: 'block3_pool' }
    const online = () => message(stateTopic.agent('pi'), (text) => text.includes('online'))
    const first = await start('agent', settings, await serviceEnvironment())
    await Promise.race([online(), first.ended])
    await first.stop()
    // As after any but the first start: the head is compiled and measured already.
    const agent = await start('agent', settings, await serviceEnvironment())
    await Promise.race([Promise.all([announced, online()]), agent.ended, worker.ended])
    const photo = await readFile(bundledPhoto('cat'))
    for (let n = 0; n < 10; n++) {
      // Until the announcement has come to the agent there is nobody to finish.
      const answer = await askUntil(
        () => ask('pi', photo),
        () => true,
      )
      expect(answer).toMatchObject({ finishedAt: 'worker', plan: { wound: 'block3_pool' } })
    }
    // What requests have left behind is freed once a minute.
    await expect.poll(() => tooLarge(agent.pid), { interval: 1000 }).toBeUndefined()
  })
})

describe('an agent that computes everything on XNNPACK', () => {
  beforeEach(({ skip }) => skip(impossible !== undefined, impossible))

  test('holds all segments of MobileNetV2 and is below 200 MB', async ({ skip }) => {
    skip((await xnnpackWhereInstalled()) === undefined, noXnnpack)
    running = await endToEnd(startEmbedded)
    const { start, message, ask } = running
    const settings = { device: 'pi', policy: 'local', engine: 'xnnpack' }
    const agent = await start('agent', settings, await serviceEnvironment())
    const online = message(stateTopic.agent('pi'), (text) => text.includes('online'))
    await Promise.race([online, agent.ended])
    expect(JSON.parse(await online)).toMatchObject({ engine: 'xnnpack' })
    const photo = await readFile(bundledPhoto('cat'))
    for (let n = 0; n < 10; n++) expect(await ask('pi', photo)).toMatchObject({ finishedAt: 'edge' })
    expect(await tooLarge(agent.pid)).toBeUndefined()
  })
})

describe('an agent that is sent pictures which must be held whole', () => {
  beforeEach(({ skip }) => skip(impossible !== undefined, impossible))

  /** Interlaced: 6300 x 6300 pixels of three bytes, 119 MB, come to light together. */
  async function largePicture(): Promise<Buffer> {
    const tile = await sharp(await readFile(bundledPhoto('cat')))
      .resize(63, 63)
      .removeAlpha()
      .toBuffer()
    const pixels = await sharp(tile)
      .resize(6300, 6300, { kernel: 'nearest' })
      .raw()
      .toBuffer({ resolveWithObject: true })
    const { width, height, channels } = pixels.info
    return sharp(pixels.data, { raw: { width, height, channels } }).png({ progressive: true }).toBuffer()
  }

  test('decodes three that come at once one after the other, and answers others meanwhile', async () => {
    running = await endToEnd(startEmbedded)
    const { start, message, ask } = running
    const agent = await start('agent', { device: 'pi', policy: 'local' }, await serviceEnvironment())
    await message(stateTopic.agent('pi'), (text) => text.includes('online'))
    const [large, photo] = [await largePicture(), await readFile(bundledPhoto('cat'))]
    for (let n = 0; n < 10; n++) expect(await ask('pi', photo)).toMatchObject({ ok: true })
    const before = await residentMb(agent.pid)
    const decoding = { isOver: false }
    const answers = Promise.all(['a', 'b', 'c'].map((camera) => ask('pi', large, camera))).finally(() => {
      decoding.isOver = true
    })
    let mostMb = 0
    while (!decoding.isOver) {
      const photos = ask('pi', photo)
      for (let n = 0; n < 10 && !decoding.isOver; n++) {
        mostMb = Math.max(mostMb, (await residentMb(agent.pid)).all - before.all)
        await delay(5)
      }
      expect(await photos).toMatchObject({ ok: true })
    }
    for (const answer of await answers) expect(answer).toMatchObject({ ok: true, finishedAt: 'edge' })
    // One is 119 MB, two would be 238.
    expect({ mostMb, isOne: mostMb < 200 }).toMatchObject({ isOne: true })
  })
})
