import type { IncomingMessage } from '../src/transport/message.ts'
import type { ResultMessage } from './request-message.ts'

/** Longer correlation data is nobody's idea of a name. */
const longestId = 256

/** Names a request: what its sender called it, as text where it is text and else in hex; a number where it did not. */
export class RequestIds {
  private readonly begin: string
  private next = 0

  /** @param startedAt Milliseconds since 1970: numbers of this start are none of the last one's. */
  constructor(startedAt: number) {
    this.begin = startedAt.toString(36)
  }

  idOf({ correlationData }: Pick<IncomingMessage, 'correlationData'>): string {
    if (correlationData === undefined) return `${this.begin}-${this.next++}`
    return textOf(correlationData) ?? Buffer.from(correlationData).toString('hex')
  }
}

/** Undefined for bytes that are no text, or that nobody would print. */
function textOf(bytes: Uint8Array): string | undefined {
  if (bytes.length === 0 || bytes.length > longestId) return undefined
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    return /[\p{Cc}\p{Cn}\p{Co}]/u.test(text) ? undefined : text
  } catch {
    return undefined
  }
}

/** Digits after the point that mean something, by the names of numbers; all others are the model's own, and stay. */
const decimals: Readonly<Record<string, number>> = {
  predictedMs: 1,
  totalMs: 1,
  headMs: 1,
  encodeMs: 1,
  backendMs: 1,
  uplinkBps: 0,
  probability: 4,
  confidence: 4,
  score: 4,
}

/** A result as it is published: with when and by whom, so that a row of a database needs nothing else. */
export function publishedResult({ ok, ...result }: ResultMessage, device: string, atMs: number): string {
  return JSON.stringify({ ok, device, ts: atMs, ...result }, (key, value: unknown) => {
    const digits = decimals[key]
    return digits === undefined || typeof value !== 'number' ? value : Number(value.toFixed(digits))
  })
}
