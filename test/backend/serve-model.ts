import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { workerConfigSchema } from '../../backend/config.ts'
import { ServedModel } from '../../backend/served-model.ts'
import type { Log } from '../../src/telemetry/log.ts'

/** A started model with folders of its own; one that does not start leaves nothing behind. @throws whatever kept it. */
export async function serveModel(
  source: string,
  settings: object = {},
  log: Log = () => undefined,
): Promise<ServedModel> {
  const stateDirectory = await mkdtemp(join(tmpdir(), 'surgeon-served-'))
  const config = workerConfigSchema.parse({
    worker: 'w',
    mqtt: { url: 'mqtt://127.0.0.1' },
    models: [source],
    stateDirectory,
    compiledCache: { directory: join(stateDirectory, 'compiled') },
    ...settings,
  })
  const served = new ServedModel({ model: source }, config, log)
  try {
    await served.start()
  } catch (error) {
    await served.stop()
    throw error
  }
  return served
}
