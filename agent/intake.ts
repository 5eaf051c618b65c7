export interface IntakeLimits {
  /** Inputs in work at once. */
  readonly requests: number
  /** That these hold together. */
  readonly bytes: number
}

interface Held {
  count: number
  bytes: number
}

/** A sender has at most so many times what it leaves free, so that there is always room for another. */
const timesFree = 3

/**
 * Which inputs are taken on: bounded in number and in bytes, and fair between senders. Who has nothing in work needs room
 * only; who has something gets more as long as it holds no more than three times what is then left free (dynamic
 * thresholds: Choudhury and Hahne, IEEE/ACM Transactions on Networking 6, 1998). So one that floods takes three quarters
 * when it is alone, and leaves room for whoever comes, each time for half as much again.
 */
export class Intake {
  private readonly limits: IntakeLimits
  private readonly bySender = new Map<string, Held>()
  private readonly all: Held = { count: 0, bytes: 0 }

  constructor(limits: IntakeLimits) {
    this.limits = limits
  }

  /** Inputs in work. */
  get inWork(): number {
    return this.all.count
  }

  /** @returns What ends it; undefined where the input is not taken on. */
  admit(sender: string, bytes: number): (() => void) | undefined {
    const { limits, all, bySender } = this
    const own = bySender.get(sender) ?? { count: 0, bytes: 0 }
    const freeCount = limits.requests - all.count - 1
    const freeBytes = limits.bytes - all.bytes - bytes
    if (freeCount < 0 || freeBytes < 0) return undefined
    const isWithinShare = own.count + 1 <= timesFree * freeCount && own.bytes + bytes <= timesFree * freeBytes
    if (own.count > 0 && !isWithinShare) return undefined
    bySender.set(sender, own)
    for (const held of [own, all]) {
      held.count++
      held.bytes += bytes
    }
    let isHeld = true
    return () => {
      if (!isHeld) return
      isHeld = false
      for (const held of [own, all]) {
        held.count--
        held.bytes -= bytes
      }
      if (own.count === 0) bySender.delete(sender)
    }
  }
}
