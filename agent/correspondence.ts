import { createHash } from 'node:crypto'
import type { IncomingMessage } from '../src/transport/message.ts'

/** More bytes than any topic in use has, and fewer levels than brokers end connections for (Mosquitto: 200). */
const maxTopicBytes = 1024
const maxTopicLevels = 64

/**
 * Where an answer goes, and where it goes if that is refused. A response topic that nobody should publish to is none:
 * on the result topic its correlation data tell the answer apart.
 */
export function answerTopics(resultTopic: string, responseTopic: string | undefined): readonly string[] {
  return responseTopic !== undefined && isPublishable(responseTopic)
    ? [responseTopic, resultTopic]
    : [resultTopic]
}

/** Whether a topic that a stranger names can be published to without the broker ending the connection. */
export function isPublishable(topic: string): boolean {
  return (
    topic !== '' &&
    !topic.startsWith('$') &&
    !/[+#\p{Cc}\p{Surrogate}]/u.test(topic) &&
    Buffer.byteLength(topic) <= maxTopicBytes &&
    topic.split('/').length <= maxTopicLevels
  )
}

/** Messages that are looked back at. */
const remembered = 256

/** Tells messages that the broker sends again from those that are as new as they look. */
export class Repetitions {
  private readonly seen = new Set<string>()

  /** Whether the broker sent this message before and it was handed on then. Remembers it. */
  isRepetition(message: IncomingMessage): boolean {
    const key = keyOf(message)
    const isKnown = this.seen.delete(key)
    this.seen.add(key)
    if (this.seen.size > remembered) this.seen.delete(this.seen.values().next().value!)
    // The same picture twice is two questions, unless the broker says that it repeats itself.
    return isKnown && message.isRepeated === true
  }
}

function keyOf({ topic, correlationData, payload }: IncomingMessage): string {
  const hash = createHash('sha1').update(payload)
  if (correlationData !== undefined) hash.update('id').update(correlationData)
  return `${hash.digest('base64')} ${topic}`
}
