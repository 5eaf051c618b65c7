import { type FileHandle, lstat, open, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { z } from 'zod'
import type { ExternalData, MessageLayout } from '../../onnx/message-layout.ts'
import { writeMessage } from '../../onnx/write-message.ts'

/**
 * An entry is a folder of three files: the ONNX model, its large constants, and what both must be. The runtime opens
 * the first, which names the second; only the third is ours.
 */
export const modelFile = 'model.onnx'
export const recordFile = 'entry.json'

/** Page size of most machines: the runtime maps the constants and does not read them. */
export const externalData: ExternalData = { location: 'weights.bin', minBytes: 4096, alignment: 4096 }

const readBytes = 1 << 20
const maxRecordBytes = 4096

const fileRecord = z.strictObject({ bytes: z.int().min(0), crc32: z.int().min(0) })
const recordSchema = z.strictObject({
  version: z.literal(1),
  key: z.string(),
  model: z.string(),
  message: fileRecord,
  data: fileRecord,
})
type FileRecord = z.output<typeof fileRecord>

/** The disk, and not the model, is at fault. */
export class CacheWriteError extends Error {
  override readonly name = 'CacheWriteError'
}

/** Writes an entry into an empty folder; of the constants one at a time is in memory. @throws {CacheWriteError} */
export async function writeEntry(folder: string, key: string, layout: MessageLayout): Promise<void> {
  const message = await openFile(join(folder, modelFile))
  const data = await openFile(join(folder, externalData.location))
  try {
    await writeMessage(layout, { message: message.append, data: data.append })
  } finally {
    await message.close()
    await data.close()
  }
  const record: z.output<typeof recordSchema> = {
    version: 1,
    key,
    model: layout.name,
    message: message.record,
    data: data.record,
  }
  await onDisk(writeFile(join(folder, recordFile), `${JSON.stringify(record)}\n`))
}

interface OpenFile {
  readonly record: FileRecord
  readonly append: (bytes: Uint8Array) => Promise<void>
  readonly close: () => Promise<void>
}

async function openFile(path: string): Promise<OpenFile> {
  const handle: FileHandle = await onDisk(open(path, 'wx'))
  const record = { bytes: 0, crc32: 0 }
  return {
    record,
    async append(bytes) {
      // Of no bytes zlib's checksum is 0 and not the one so far.
      if (bytes.length === 0) return
      await onDisk(handle.writeFile(bytes))
      record.bytes += bytes.length
      record.crc32 = crc32(bytes, record.crc32)
    },
    close: () => onDisk(handle.close()),
  }
}

/** What fails here is the disk's fault. @throws {CacheWriteError} */
export async function onDisk<T>(work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (cause) {
    throw new CacheWriteError((cause as Error).message, { cause })
  }
}

/**
 * Reads an entry through.
 * @returns What is wrong with it; undefined where every byte is as it was written.
 */
export async function entryFault(folder: string, key: string): Promise<string | undefined> {
  try {
    if (!(await lstat(folder)).isDirectory()) return 'it is not a folder'
    const recordPath = join(folder, recordFile)
    const recordFault = await sizeFault(recordPath)
    if (recordFault !== undefined) return `${recordFile} ${recordFault}`
    const record = recordSchema.safeParse(parsed(await readFile(recordPath, 'utf8')))
    if (!record.success || record.data.key !== key) return `${recordFile} is not of this entry`
    for (const [name, expected] of [
      [modelFile, record.data.message],
      [externalData.location, record.data.data],
    ] as const) {
      const fault = await fileFault(join(folder, name), expected)
      if (fault !== undefined) return `${name} ${fault}`
    }
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}

/** Neither a link, a pipe nor something large is read. */
async function sizeFault(path: string): Promise<string | undefined> {
  const stats = await lstat(path)
  if (!stats.isFile()) return 'is not a file'
  return stats.size > maxRecordBytes ? `has ${stats.size} bytes` : undefined
}

async function fileFault(path: string, expected: FileRecord): Promise<string | undefined> {
  const stats = await lstat(path)
  if (!stats.isFile()) return 'is not a file'
  if (stats.size !== expected.bytes) return `has ${stats.size} of ${expected.bytes} bytes`
  const sum = await checksum(path)
  return sum === expected.crc32 ? undefined : 'has a wrong checksum'
}

async function checksum(path: string): Promise<number> {
  const handle = await open(path)
  try {
    const buffer = new Uint8Array(readBytes)
    let sum = 0
    for (;;) {
      const { bytesRead } = await handle.read(buffer, 0, buffer.length)
      if (bytesRead === 0) return sum
      sum = crc32(buffer.subarray(0, bytesRead), sum)
    }
  } finally {
    await handle.close()
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
