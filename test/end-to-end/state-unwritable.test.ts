import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startEmbedded } from '../brokers/embedded.ts'
import { repositoryRoot } from '../paths.ts'
import { type EndToEnd, endToEnd, stateTopic } from './stage.ts'

const inRepository = (path: string) => fileURLToPath(new URL(path, repositoryRoot))

describe('an agent whose state cannot be kept and whose calibration is damaged', () => {
  let folder: string
  let stage: EndToEnd
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'surgeon-state-'))
    stage = await endToEnd(startEmbedded)
  })
  afterAll(async () => {
    await stage.close()
    await rm(folder, { recursive: true, force: true })
  })

  test('answers all the same, without a pool', async () => {
    // A file in the place of the folder: nobody can write below it, root neither.
    const occupied = join(folder, 'state')
    await writeFile(occupied, '')
    const model = join(folder, 'mobilenetv2')
    await mkdir(model)
    const files = [
      'model.json',
      'surgeon.json',
      'labels.json',
      'group1-shard1of2.bin',
      'group1-shard2of2.bin',
    ]
    for (const name of files) await copyFile(inRepository(`models/mobilenetv2/${name}`), join(model, name))
    await writeFile(join(model, 'calibration.json'), '{"half": [')
    await stage.start('agent', { device: 'pi', policy: 'local', model, stateDirectory: occupied })
    await stage.message(stateTopic.agent('pi'), (text) => text.includes('online'))
    const result = await stage.ask('pi', await readFile(inRepository('photos/cat.jpg')))
    expect(result).toMatchObject({ ok: true, finishedAt: 'edge' })
  })
})
