import type { Clock } from '../../src/async/clock.ts'
import { packetBytes } from '../../src/transport/message.ts'
import { Outbox } from '../../src/transport/outbox.ts'
import type { PublishOptions, PublishReceipt } from '../../src/transport/publishing.ts'
import type { SessionState } from '../../src/transport/session-options.ts'
import type { MessageHandler } from '../../src/transport/subscriptions.ts'
import { chunkBytesFor, windowBytesFor } from '../../src/transport/window.ts'
import type { VirtualBroker } from './virtual-broker.ts'
import type { VirtualLink } from './virtual-link.ts'

export interface VirtualSessionOptions {
  readonly clock: Clock
  readonly uplink: VirtualLink
  readonly downlink: VirtualLink
  readonly broker: VirtualBroker
  /** As of a real session: what the uplink is believed to carry bounds what is in flight. */
  readonly uplinkBps: () => number | undefined
  /** Told of every message that is handed to the uplink. */
  readonly onSent?: ((bytes: number) => void) | undefined
}

const maximumPacketSize = 256 * 1024 * 1024
/** Of an acknowledgement. */
const ackBytes = 4
/** Header and options of a message on its way down, beside its payload. */
export const downOverheadBytes = 100

/** An agent's session with its pool under a virtual clock: the real outbox before two links and a broker. It stays connected. */
export class VirtualSession {
  private readonly options: VirtualSessionOptions
  private readonly outbox: Outbox
  private readonly ackListeners = new Set<(receipt: PublishReceipt) => void>()
  readonly state: SessionState = { kind: 'online', sinceMs: 0, maximumPacketSize, refused: new Set() }
  readonly onState = () => () => {}

  constructor(options: VirtualSessionOptions) {
    this.options = options
    const { clock, uplink, downlink, broker, uplinkBps, onSent } = options
    this.outbox = new Outbox({
      windowBytes: () => windowBytesFor(uplinkBps()),
      fillsWhenAlone: true,
      maxWaitingBytes: 64 * 1024 * 1024,
      clock,
      onAck: (receipt) => {
        for (const listener of this.ackListeners) listener(receipt)
      },
    })
    this.outbox.attach({
      maximumPacketSize,
      receiveMaximum: 65_535,
      send: (message, done) => {
        const bytes = packetBytes(message)
        onSent?.(bytes)
        uplink.send(bytes, () => {
          broker.publish(message)
          if (message.qos === 1) downlink.send(ackBytes, () => done({ kind: 'taken' }))
        })
        if (message.qos === 0) done({ kind: 'taken' })
      },
    })
  }

  chunkBytes(): number {
    return chunkBytesFor(this.options.uplinkBps(), undefined, this.outbox.isIdle)
  }

  publish(topic: string, payload: string | Uint8Array, options: PublishOptions): Promise<PublishReceipt> {
    return this.outbox.publish(topic, payload, options)
  }

  async subscribe(filter: string, handler: MessageHandler): Promise<() => Promise<void>> {
    const { broker, downlink } = this.options
    const end = broker.subscribe(filter, (message) =>
      downlink.send(message.payload.length + downOverheadBytes, () => void handler(message)),
    )
    return async () => end()
  }

  onAck(listener: (receipt: PublishReceipt) => void): () => void {
    this.ackListeners.add(listener)
    return () => this.ackListeners.delete(listener)
  }

  inFlight() {
    return this.outbox.inFlight()
  }
}
