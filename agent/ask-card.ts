import { randomBytes } from 'node:crypto'
import { deferred } from '../src/async/deferred.ts'
import { type ModelCard, readModelCard } from '../src/codec/model-card.ts'
import { ChunkAssembler } from '../src/transport/chunk-assembler.ts'
import { decodeFrame, encodeFrame } from '../src/transport/frame.ts'
import { modelDigits } from '../src/transport/frame-content.ts'
import type { MqttSession } from '../src/transport/mqtt-session.ts'
import { deviceTopic, workerTopic } from '../src/transport/topics.ts'
import { sendFrame } from '../src/transport/transfer.ts'

export interface CardQuestion {
  readonly session: Pick<MqttSession, 'publish' | 'subscribe'>
  readonly topicPrefix: string
  readonly device: string
  readonly worker: string
  /** Of the model. */
  readonly hash: string
  readonly timeoutMs: number
}

/** A card has a thousand class names; who sends more is not read. */
const mostBytes = 1024 * 1024

/**
 * Asks a worker for the card of a model that it serves.
 * @throws {Error} where it does not give one in time: a worker before 0.2, one that is gone, one that cannot.
 */
export async function askCard(question: CardQuestion): Promise<ModelCard> {
  const { session, topicPrefix, device, worker, hash, timeoutMs } = question
  const responseTopic = deviceTopic(device, 'reply', topicPrefix)
  const correlation = randomBytes(8)
  const assembler = new ChunkAssembler({ maxTransferBytes: mostBytes, maxBufferedBytes: mostBytes })
  const { promise, resolve, reject } = deferred<ModelCard>()
  const end = await session.subscribe(responseTopic, ({ correlationData, payload }) => {
    if (correlationData === undefined || !correlation.equals(correlationData)) return
    try {
      const bytes = assembler.accept('', payload, performance.now())
      if (bytes !== undefined) resolve(cardIn(bytes, hash))
    } catch (error) {
      reject(error as Error)
    }
  })
  const timer = setTimeout(() => reject(new Error(`Not answered within ${timeoutMs} ms`)), timeoutMs)
  try {
    const frame = encodeFrame({ kind: 'describe', model: hash.slice(0, modelDigits) })
    const topic = workerTopic(worker, 'request', topicPrefix)
    const options = { expiryMs: timeoutMs, timeoutMs, responseTopic }
    sendFrame(session, topic, correlation, frame, options).catch(reject)
    return await promise
  } catch (cause) {
    throw new Error(`Cannot learn of model ${hash} from worker ${worker}: ${(cause as Error).message}`, {
      cause,
    })
  } finally {
    clearTimeout(timer)
    await end()
  }
}

function cardIn(bytes: Uint8Array, hash: string): ModelCard {
  const frame = decodeFrame(bytes)
  if (frame.kind === 'failure') throw new Error(`${frame.code}: ${frame.message}`)
  if (frame.kind !== 'description') throw new Error(`it sends a ${frame.kind}`)
  const card = readModelCard(frame.card)
  if (card.model.hash === hash) return card
  throw new Error(`its card is that of model ${card.model.hash}`)
}
