import { appendFile, mkdir, rename, stat, truncate } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Log } from './log.ts'
import type { RequestRecord } from './request-record.ts'

export interface RecorderOptions {
  readonly path: string
  /** From which size the file is put aside as `PATH.1`, and the one before it as `PATH.2`, and so on. */
  readonly maxBytes: number
  /** Files put aside; older ones are overwritten. */
  readonly keep: number
  readonly log: Log
}

/** Records that wait for the disk at most: a disk that does not take them loses records, never requests. */
const maxWaiting = 1000

/** Writes one JSON line per request, for later replay; a file that cannot be written costs records and one warning. */
export class Recorder {
  private readonly options: RecorderOptions
  /** Of the file, once it is known. */
  private bytes: number | undefined
  private waiting: string[] = []
  private working: Promise<void> | undefined
  private faulty = false

  constructor(options: RecorderOptions) {
    this.options = options
  }

  record(record: RequestRecord): void {
    if (this.waiting.length >= maxWaiting) return
    this.waiting.push(`${JSON.stringify(record)}\n`)
    this.working ??= this.drain().finally(() => {
      this.working = undefined
    })
  }

  /** Resolves when what waits is written. */
  async stop(): Promise<void> {
    await this.working
  }

  private async drain(): Promise<void> {
    while (this.waiting.length > 0) {
      const text = this.waiting.splice(0).join('')
      try {
        await this.write(text)
        this.faulty = false
      } catch (error) {
        if (!this.faulty) this.options.log('warn', 'requests are not recorded', { error })
        this.faulty = true
      }
    }
  }

  private async write(text: string): Promise<void> {
    const { path, maxBytes } = this.options
    const textBytes = Buffer.byteLength(text)
    if (this.bytes === undefined) {
      await mkdir(dirname(path), { recursive: true })
      this.bytes = await sizeOf(path)
    }
    if (this.bytes > 0 && this.bytes + textBytes > maxBytes) await this.rotate()
    const wholeBytes = this.bytes
    this.bytes = undefined
    try {
      await appendFile(path, text)
    } catch (error) {
      // A full disk takes half a line.
      await truncate(path, wholeBytes).catch(() => undefined)
      throw error
    }
    this.bytes = wholeBytes + textBytes
  }

  private async rotate(): Promise<void> {
    const { path, keep } = this.options
    for (let n = keep; n > 0; n--) {
      await rename(n === 1 ? path : `${path}.${n - 1}`, `${path}.${n}`).catch(() => undefined)
    }
    this.bytes = 0
  }
}

/** 0 where there is none. */
function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    ({ size }) => size,
    () => 0,
  )
}
