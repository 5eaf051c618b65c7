import { createWriteStream, type WriteStream } from 'node:fs'
import { mkdir, rename, stat } from 'node:fs/promises'
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
  private stream: WriteStream | undefined
  private bytes = 0
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

  /** What waits is written, then the file is closed. */
  async stop(): Promise<void> {
    await this.working
    await this.close()
  }

  private async drain(): Promise<void> {
    while (this.waiting.length > 0) {
      const text = this.waiting.splice(0).join('')
      try {
        await this.write(text)
        this.faulty = false
      } catch (error) {
        await this.close().catch(() => undefined)
        if (!this.faulty) this.options.log('warn', 'requests are not recorded', { error })
        this.faulty = true
      }
    }
  }

  private async write(text: string): Promise<void> {
    const { path, maxBytes } = this.options
    if (this.stream === undefined) {
      await mkdir(dirname(path), { recursive: true })
      this.bytes = await stat(path).then(
        ({ size }) => size,
        () => 0,
      )
    }
    if (this.bytes > 0 && this.bytes + Buffer.byteLength(text) > maxBytes) await this.rotate()
    const stream = (this.stream ??= createWriteStream(path, { flags: 'a' }))
    await new Promise<void>((resolve, reject) => {
      stream.once('error', reject)
      stream.write(text, (error) => {
        stream.off('error', reject)
        if (error) reject(error)
        else resolve()
      })
    })
    this.bytes += Buffer.byteLength(text)
  }

  private async rotate(): Promise<void> {
    const { path, keep } = this.options
    await this.close()
    for (let n = keep; n > 0; n--) {
      await rename(n === 1 ? path : `${path}.${n - 1}`, `${path}.${n}`).catch(() => undefined)
    }
    this.bytes = 0
  }

  private async close(): Promise<void> {
    const { stream } = this
    this.stream = undefined
    if (stream === undefined || stream.destroyed) return
    await new Promise<void>((resolve) => stream.end(resolve))
  }
}
