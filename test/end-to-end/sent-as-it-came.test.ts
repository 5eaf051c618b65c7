import { randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { RequestRecord } from '../../src/telemetry/request-record.ts'
import { startEmbedded } from '../brokers/embedded.ts'
import { bundledPhoto } from '../model-input.ts'
import { askUntil, byWorker } from './ask-until.ts'
import { type EndToEnd, endToEnd, stateTopic } from './stage.ts'

describe('an input that is sent as it came', () => {
  let running: EndToEnd
  let folder: string
  let photo: Buffer

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'surgeon-sent-'))
    photo = await readFile(bundledPhoto('cat'))
    running = await endToEnd(startEmbedded)
  })

  afterAll(async () => {
    await running.close()
    await rm(folder, { recursive: true, force: true })
  })

  async function startWorker(worker: string, limits: object = {}) {
    const started = await running.start('worker', { worker, limits })
    await running.message(stateTopic.worker(worker), (text) => text !== '')
    return started
  }

  async function startAgent(device: string, config: object) {
    const path = join(folder, `${device}.jsonl`)
    const agent = await running.start('agent', {
      device,
      inputCodecs: ['received'],
      records: { path },
      ...config,
    })
    await running.message(stateTopic.agent(device), (text) => text.includes('online'))
    return {
      agent,
      records: async () =>
        (await readFile(path, 'utf8'))
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line) as RequestRecord),
    }
  }

  test('is not decoded on the edge: what is wrong with it is found by its header, or where the worker refuses it', async () => {
    const worker = await startWorker('strict', { inputBytes: 300_000 })
    const { agent, records } = await startAgent('sender', { policy: 'input' })
    await askUntil(() => running.ask('sender', photo), byWorker)

    // Whole by its header, and half of it is missing.
    const half = photo.subarray(0, photo.length >> 1)
    expect(await running.ask('sender', half)).toMatchObject({ ok: false, error: { code: 'unreadable' } })
    const cut = photo.subarray(0, Math.round(0.92 * photo.length))
    expect(await running.ask('sender', cut)).toMatchObject({ ok: true, finishedAt: 'worker', damaged: true })
    const headless = photo.subarray(0, 200)
    expect(await running.ask('sender', headless)).toMatchObject({ error: { code: 'unreadable' } })
    const interlaced = sharp({ create: { width: 7000, height: 5000, channels: 4, background: '#123' } })
    const held = await interlaced.png({ progressive: true }).toBuffer()
    expect(await running.ask('sender', held)).toMatchObject({ error: { code: 'too-large' } })
    // The edge can read it and this worker does not take it: its word is the answer.
    const noise = randomBytes(400 * 300 * 3)
    const large = await sharp(noise, { raw: { width: 400, height: 300, channels: 3 } })
      .png()
      .toBuffer()
    expect(large.length).toBeGreaterThan(300_000)
    expect(await running.ask('sender', large)).toMatchObject({
      ok: false,
      error: { code: 'bad-input', message: expect.stringMatching(/Worker strict failed: .*300000/) },
    })
    expect(await running.ask('sender', photo)).toMatchObject({ ok: true, finishedAt: 'worker' })

    await agent.stop()
    await worker.stop()
    const [good, broken, damaged, headlessly, claims, refused, again] = (await records()).slice(-7)
    for (const record of [good, damaged, again]) {
      expect(record).toMatchObject({ measured: { remoteOutcome: 'answered' }, outcome: { kind: 'answered' } })
      expect(record!.measured).not.toHaveProperty('inputMs')
    }
    expect(broken!.measured).toMatchObject({ remoteOutcome: 'failed' })
    for (const record of [headlessly, claims]) expect(record!.measured).toMatchObject({ sentBytes: 0 })
    expect(refused!.measured).toMatchObject({ remoteOutcome: 'failed', inputMs: expect.any(Number) })
  })

  test('is answered by the edge where the worker refuses it, or is dead', async () => {
    const worker = await startWorker('frail', { inputBytes: photo.length })
    // So slow an edge that it has the worker compute everything.
    const { agent, records } = await startAgent('insured', { lab: { edgeSlowdown: 60 } })
    await askUntil(
      () => running.ask('insured', photo),
      (answer) => byWorker(answer) && answer.plan.wound === 'input',
    )
    // Hardly larger, so that the plan is the same.
    const large = Buffer.concat([photo, new Uint8Array(100)])
    const byEdge = await askUntil(
      () => running.ask('insured', large),
      ({ plan }) => plan.wound === 'input',
    )
    expect(byEdge.finishedAt).toBe('edge')
    process.kill(worker.pid, 'SIGSTOP')
    const insurance = await running.ask('insured', photo)
    process.kill(worker.pid, 'SIGCONT')
    expect(insurance).toMatchObject({ ok: true, finishedAt: 'edge', plan: { wound: 'input' } })
    await agent.stop()
    const [refused, silent] = (await records()).slice(-2)
    const decoded = { inputMs: expect.any(Number), localTailMs: expect.any(Number) }
    expect(refused!.measured).toMatchObject({ ...decoded, remoteOutcome: 'failed' })
    expect(silent!.measured).toMatchObject({ ...decoded, remoteOutcome: 'given-up' })
    expect(silent!.measured).not.toHaveProperty('remote')
  })
})
