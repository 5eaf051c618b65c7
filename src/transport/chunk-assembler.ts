import { ChunkError, readChunkHeader } from './chunks.ts'

export interface AssemblerLimits {
  /** Bytes of one frame. Default 64 MiB. */
  readonly maxTransferBytes: number
  /** Incomplete transfers held at once. Default 256. */
  readonly maxTransfers: number
  /** Bytes of incomplete transfers held at once. Default 128 MiB. */
  readonly maxBufferedBytes: number
  /** From a transfer's first chunk to its last, and how long a finished one is remembered. Default 60 s. */
  readonly maxAgeMs: number
  /** Slices of a frame of several chunks, so that bookkeeping stays small beside data. Default 1 KiB. */
  readonly minSliceBytes: number
}

const defaults: AssemblerLimits = {
  maxTransferBytes: 64 * 1024 * 1024,
  maxTransfers: 256,
  maxBufferedBytes: 128 * 1024 * 1024,
  maxAgeMs: 60_000,
  minSliceBytes: 1024,
}

/**
 * Looks at a frame's first bytes as soon as they are there. @throws where the frame is not wanted: nothing more of it
 * is kept.
 */
export type Admit = (head: Uint8Array, totalBytes: number) => void

interface Transfer {
  readonly owner: string
  readonly count: number
  readonly totalBytes: number
  readonly startedMs: number
  readonly slices: Map<number, Uint8Array>
  bytes: number
}

/**
 * Puts frames together from chunks of many transfers in any order. Memory follows the bytes that arrived, never what a
 * header claims; past a limit the oldest incomplete transfers of whoever holds most are given up.
 */
export class ChunkAssembler {
  readonly #limits: AssemblerLimits
  readonly #admit: Admit
  // Both in order of insertion, so the oldest is first.
  readonly #transfers = new Map<string, Transfer>()
  readonly #finished = new Map<string, number>()
  #bufferedBytes = 0

  /** @throws {RangeError} where one transfer may be larger than all together. */
  constructor(limits: Partial<AssemblerLimits> = {}, admit: Admit = () => undefined) {
    this.#admit = admit
    this.#limits = { ...defaults, ...limits }
    const { maxTransferBytes, maxBufferedBytes } = this.#limits
    if (maxTransferBytes > maxBufferedBytes) {
      throw new RangeError(
        `Cannot assemble chunks: maxBufferedBytes must be at least maxTransferBytes, current value is ${maxBufferedBytes}`,
      )
    }
  }

  /** Incomplete transfers and the bytes they hold. */
  get pending(): { readonly transfers: number; readonly bytes: number } {
    return { transfers: this.#transfers.size, bytes: this.#bufferedBytes }
  }

  /**
   * The whole frame where this chunk was the last one missing (a view of `chunk` where it is the only one). Duplicates,
   * also of a finished transfer, are ignored: QoS 1 delivers at least once.
   * @param key Names the transfer: unique per sender, such as topic and correlation id.
   * @param owner Whose transfer it is, where several compete for room.
   * @throws {ChunkError} The chunk is dropped; the transfer it claims to be of goes on. Whatever `admit` throws.
   */
  accept(key: string, chunk: Uint8Array, nowMs: number, owner = ''): Uint8Array | undefined {
    const { headerBytes, index, count, totalBytes } = readChunkHeader(chunk)
    this.#checkLimits(count, totalBytes)
    this.expire(nowMs)
    if (this.#finished.has(key)) return undefined
    const known = this.#transfers.get(key)
    if (known !== undefined && (known.count !== count || known.totalBytes !== totalBytes)) {
      throw new ChunkError(
        'inconsistent',
        `Cannot accept chunk: it must be of ${known.count} for ${known.totalBytes} bytes, current value is ${count} for ${totalBytes}`,
      )
    }
    const slice = chunk.subarray(headerBytes)
    if (count === 1) {
      this.#finish(key, nowMs)
      return slice
    }
    if (index === 0) this.#look(key, slice, totalBytes, nowMs)
    const transfer = known ?? this.#open(key, count, totalBytes, nowMs, owner)
    if (transfer.slices.has(index)) return undefined
    // A copy: the message's memory may be part of a larger buffer that the slice would keep alive.
    transfer.slices.set(index, slice.slice())
    transfer.bytes += slice.length
    this.#bufferedBytes += slice.length
    if (transfer.bytes < totalBytes) {
      this.#makeRoom(key)
      return undefined
    }
    this.#drop(key, transfer)
    this.#finish(key, nowMs)
    return join(transfer)
  }

  /** Drops what has come of a transfer and ignores what still comes of it. */
  giveUp(key: string, nowMs: number): void {
    const transfer = this.#transfers.get(key)
    if (transfer !== undefined) this.#drop(key, transfer)
    this.#finish(key, nowMs)
  }

  /** Gives up transfers older than the limit; returns how many. */
  expire(nowMs: number): number {
    let expired = 0
    for (const [key, transfer] of this.#transfers) {
      if (nowMs - transfer.startedMs <= this.#limits.maxAgeMs) break
      this.#drop(key, transfer)
      expired++
    }
    for (const [key, finishedMs] of this.#finished) {
      if (nowMs - finishedMs <= this.#limits.maxAgeMs) break
      this.#finished.delete(key)
    }
    return expired
  }

  #checkLimits(count: number, totalBytes: number): void {
    const { maxTransferBytes, minSliceBytes } = this.#limits
    if (totalBytes > maxTransferBytes) {
      throw new ChunkError(
        'limit',
        `Cannot accept chunk: transfer must be at most ${maxTransferBytes} bytes, current value is ${totalBytes}`,
      )
    }
    if (count > 1 && Math.ceil(totalBytes / count) < minSliceBytes) {
      throw new ChunkError(
        'limit',
        `Cannot accept chunk: slices must be at least ${minSliceBytes} bytes, current value is ${totalBytes} in ${count}`,
      )
    }
  }

  #look(key: string, head: Uint8Array, totalBytes: number, nowMs: number): void {
    try {
      this.#admit(head, totalBytes)
    } catch (error) {
      this.giveUp(key, nowMs)
      throw error
    }
  }

  #open(key: string, count: number, totalBytes: number, startedMs: number, owner: string): Transfer {
    const transfer: Transfer = { owner, count, totalBytes, startedMs, slices: new Map(), bytes: 0 }
    this.#transfers.set(key, transfer)
    return transfer
  }

  #makeRoom(current: string): void {
    const { maxTransfers, maxBufferedBytes } = this.#limits
    while (this.#transfers.size > maxTransfers || this.#bufferedBytes > maxBufferedBytes) {
      const held = new Map<string, number>()
      for (const { owner, bytes } of this.#transfers.values()) held.set(owner, (held.get(owner) ?? 0) + bytes)
      const most = Math.max(...held.values())
      const oldest = [...this.#transfers].find(
        ([key, { owner }]) => key !== current && held.get(owner) === most,
      )
      // Whoever holds most has nothing but the current transfer: that one goes.
      const [key, transfer] = oldest ?? [current, this.#transfers.get(current)!]
      this.#drop(key, transfer)
    }
  }

  #drop(key: string, transfer: Transfer): void {
    this.#transfers.delete(key)
    this.#bufferedBytes -= transfer.bytes
  }

  #finish(key: string, nowMs: number): void {
    this.#finished.set(key, nowMs)
    // Remembering must be bounded too; what is forgotten first is what was finished first.
    const most = this.#limits.maxTransfers * 16
    for (const oldest of this.#finished.keys()) {
      if (this.#finished.size <= most) return
      this.#finished.delete(oldest)
    }
  }
}

function join(transfer: Transfer): Uint8Array {
  const whole = new Uint8Array(transfer.totalBytes)
  let at = 0
  for (let index = 0; index < transfer.count; index++) {
    const slice = transfer.slices.get(index)!
    whole.set(slice, at)
    at += slice.length
  }
  return whole
}
