import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { workerConfigSchema } from '../../backend/config.ts'
import { BackendWorker } from '../../backend/worker.ts'
import { broken, classifier, smallModel } from '../model-graph/onnx/small-models.ts'

async function workerOf(models: readonly string[], said: string[] = []): Promise<BackendWorker> {
  const stateDirectory = await mkdtemp(join(tmpdir(), 'surgeon-start-'))
  // Nobody listens there.
  const config = { worker: 'w', mqtt: { url: 'mqtt://127.0.0.1:1' }, models, stateDirectory }
  return new BackendWorker(workerConfigSchema.parse(config), (_, message) => said.push(message))
}

test('BackendWorker: told to stop while it starts, it gives up, and does not look for the broker', async () => {
  const said: string[] = []
  const worker = await workerOf(['mobilenetv2', 'mobilenetv2'], said)
  const starting = Promise.allSettled([worker.start()])
  await worker.stop()
  expect(await starting).toMatchObject([{ reason: { message: 'The worker is stopping' } }])
  expect(said).not.toContain('no connection to the broker')
  await worker.stop()
})

test('BackendWorker: a start is given up by its signal, too', async () => {
  const worker = await workerOf([await smallModel('classifier', classifier)])
  const giveUp = new AbortController()
  const starting = Promise.allSettled([worker.start(giveUp.signal)])
  giveUp.abort(new Error('enough'))
  expect(await starting).toMatchObject([{ reason: { message: 'enough' } }])
  await worker.stop()
})

test('BackendWorker: with no model that can be served it does not start, and says why of each', async () => {
  const folder = await smallModel('broken', broken)
  const worker = await workerOf([folder])
  await expect(worker.start()).rejects.toThrow(
    new RegExp(`one model at least must be usable \\(${folder}: .*output 'p' must be numbers`),
  )
  await worker.stop()
})
