import { createHash } from 'node:crypto'
import { mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { layOutMessage, type MessageLayout } from '../../onnx/message-layout.ts'
import type { OnnxGraph } from '../../onnx/onnx-message.ts'
import type { Log } from '../../telemetry/log.ts'
import { CacheWriteError, entryFault, externalData, modelFile, onDisk, writeEntry } from './cache-entry.ts'
import { discard, exists, leaseMs, makeRoom, stampEntry, unfinishedPath } from './cache-room.ts'
import type { CompiledCacheSettings } from './cache-settings.ts'

/** Raise it when the same model would be given other constants under the same names: all else is in the key anyway. */
export const loweringVersion = 1

/** Another process may evict what has just been found, and put there what is just being written. */
const attempts = 3

/**
 * Lowered segments on disk, from which the runtime maps the weights, so that they are never held twice and a restart
 * does not lower again. Entries are written under another name and renamed, and read through before each use: what a
 * power cut or a dying disk has left is found, removed and made anew. Any number of processes may share a directory.
 */
export class CompiledCache {
  private readonly settings: CompiledCacheSettings
  private readonly log: Log
  private readonly onInMemory: () => void
  private unwritable = false
  private told = false

  /** @param onInMemory told once, when the first segment cannot be kept. */
  constructor(settings: CompiledCacheSettings, log: Log, onInMemory: () => void) {
    this.settings = settings
    this.log = log
    this.onInMemory = onInMemory
  }

  /**
   * Gives `load` the path of the lowered graph and resolves with its result; undefined where the graph cannot be kept.
   * @throws whatever `load` throws, or reading the weights.
   */
  async use<Loaded>(
    modelHash: string,
    graph: OnnxGraph,
    load: (path: string) => Promise<Loaded>,
  ): Promise<Loaded | undefined> {
    const layout = layOutMessage(graph, externalData)
    const key = keyOf(modelHash, layout)
    const folder = join(this.settings.directory, key)
    const path = join(folder, modelFile)
    for (let attempt = 0; attempt < attempts; attempt++) {
      await stampEntry(folder, Date.now() + leaseMs)
      const state = (await this.isSound(folder, key)) ? 'sound' : await this.store(folder, key, layout)
      if (state === 'refused') return undefined
      if (state === 'taken') continue
      try {
        return await load(path)
      } catch (error) {
        if (await exists(folder)) throw error
      } finally {
        await stampEntry(folder, Date.now())
      }
    }
    return undefined
  }

  private async isSound(folder: string, key: string): Promise<boolean> {
    if (!(await exists(folder))) return false
    const reason = await entryFault(folder, key)
    if (reason === undefined) return true
    this.log('warn', 'a compiled segment on disk was damaged and is made anew', { path: folder, reason })
    await discard(folder).catch((error: Error) => this.giveUp(error))
    return false
  }

  /**
   * @returns `made`, or `taken` where another process was quicker, or `refused` where there is no room or no disk.
   * @throws whatever reading a weight throws.
   */
  private async store(
    folder: string,
    key: string,
    layout: MessageLayout,
  ): Promise<'made' | 'taken' | 'refused'> {
    if (this.unwritable) return 'refused'
    const { directory, bytes: limitBytes } = this.settings
    const bytes = layout.messageBytes + layout.dataBytes
    const unfinished = unfinishedPath(folder)
    try {
      await onDisk(mkdir(directory, { recursive: true, mode: 0o700 }))
      if (!(await onDisk(makeRoom(directory, bytes, limitBytes, Date.now())))) {
        this.tell('the cache of compiled segments is too small', { directory, bytes, limitBytes })
        return 'refused'
      }
      await onDisk(mkdir(unfinished))
      await writeEntry(unfinished, key, layout)
      // It is loaded at once.
      await stampEntry(unfinished, Date.now() + leaseMs)
      await onDisk(rename(unfinished, folder))
      return 'made'
    } catch (error) {
      await rm(unfinished, { recursive: true, force: true }).catch(() => undefined)
      if (!(error instanceof CacheWriteError)) throw error
      if (await exists(folder)) return 'taken'
      this.giveUp(error)
      return 'refused'
    }
  }

  /** What is on disk already can still be used. */
  private giveUp(error: Error): void {
    this.unwritable = true
    const { directory } = this.settings
    this.tell('the cache of compiled segments cannot be written', { directory, error })
  }

  private tell(reason: string, fields: Readonly<Record<string, unknown>>): void {
    if (this.told) return
    this.told = true
    this.log('warn', `segments are compiled in memory: ${reason}`, fields)
    this.onInMemory()
  }
}

/** Of everything that decides the entry's bytes except the values of the model's weights, which its hash stands for. */
function keyOf(modelHash: string, layout: MessageLayout): string {
  const hash = createHash('sha256').update(`${loweringVersion} ${modelHash}\n`)
  for (const { header } of layout.parts) hash.update(header)
  return hash.digest('hex').slice(0, 32)
}
