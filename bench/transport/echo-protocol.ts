import type { Part } from '../../src/transport/frame-content.ts'

/** What the echoing thread is told at its start. */
export interface EchoSetup {
  readonly url: string
  readonly prefix: string
}

/** Ours: frames in chunks. Plain: messages as MQTT.js carries them. */
export function echoTopics(prefix: string) {
  return {
    request: `${prefix}/request`,
    reply: `${prefix}/reply`,
    plain: `${prefix}/plain`,
    plainBack: `${prefix}/plain-back`,
  } as const
}

/** Bytes as a tensor that any frame may hold. */
export function partOf(bytes: Uint8Array): Part {
  return { shape: [1, bytes.length], bytes }
}

export const timeLimitMs = 30_000
