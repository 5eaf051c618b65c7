import { mkdtemp } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Aedes } from 'aedes'
import { expect, test } from 'vitest'
import { workerConfigSchema } from '../../backend/config.ts'
import { BackendWorker } from '../../backend/worker.ts'
import { writeTinyModel } from '../../bench/pool/tiny-model.ts'
import { deferred } from '../../src/async/deferred.ts'

/** What a worker publishes on its state topic, on a broker that grants it its requests or does not. */
async function statesOf(grants: boolean): Promise<{ states: string[]; said: string[] }> {
  const folder = await mkdtemp(join(tmpdir(), 'surgeon-refused-'))
  const states: string[] = []
  const said: string[] = []
  const broker = await Aedes.createBroker({
    authorizeSubscribe: (_, subscription, done) => done(null, grants ? subscription : null),
  })
  broker.on('publish', ({ topic, payload }) => {
    if (topic === 'surgeon/worker/w/state') states.push(String(payload))
  })
  const server = createServer({ noDelay: true }, broker.handle)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const online = deferred<void>()
  const worker = new BackendWorker(
    workerConfigSchema.parse({
      worker: 'w',
      mqtt: { url: `mqtt://127.0.0.1:${port}` },
      models: [await writeTinyModel(folder)],
      stateDirectory: folder,
      compiledCache: { directory: join(folder, 'compiled') },
    }),
    (_, message, fields) => {
      said.push(message)
      if ((fields?.['state'] as { kind?: string } | undefined)?.kind === 'online') online.resolve()
    },
  )
  await worker.start()
  await online.promise
  // Its last word comes after everything that it had to say.
  await worker.stop()
  await new Promise<void>((resolve) => broker.close(resolve))
  server.close()
  return { states, said }
}

test('a worker whose subscription is refused does not announce what it cannot do', async () => {
  const { states, said } = await statesOf(false)
  expect(states).toEqual([''])
  expect(said).toContain('the broker refused a subscription')
})

test('a worker whose subscription is granted announces itself', async () => {
  const { states } = await statesOf(true)
  expect(states[0]).toContain('"tailMs"')
})
