import { confidenceOf } from '../src/answer/confidence.ts'
import { unlessGuess } from '../src/bandwidth-probe/link-belief.ts'
import { saidPrecision } from '../src/executor/engine.ts'
import { InputError } from '../src/input/input-error.ts'
import type { Outcome, PlanRecord } from '../src/telemetry/request-record.ts'
import type { EdgeModel } from './edge-model.ts'
import type { InputFacts } from './input-reader.ts'
import type { RequestTrace } from './request-answerer.ts'
import { RequestError } from './request-error.ts'
import type { AnswerMessage, FailureMessage, ResultMessage } from './request-message.ts'
import type { SurgeryResult } from './surgery/surgery.ts'

/** Whose request it is, as answers repeat it. */
export interface Asked {
  readonly id: string
  readonly source: string
}

/** What is said of a request that was answered, and by which plan. */
export function answerMessage(
  { id, source }: Asked,
  { name, reader, hasRandomWeights }: Pick<EdgeModel, 'name' | 'reader' | 'hasRandomWeights'>,
  { values, finishedAt, isDamaged: wasDamaged }: SurgeryResult,
  { sent, isDamaged }: InputFacts,
  { plan, measured }: RequestTrace,
): AnswerMessage {
  const { chosen, worker, conditions } = plan!
  const { remote } = measured
  return {
    ok: true,
    id,
    ...(source !== '' && { source }),
    model: name,
    ...(finishedAt === 'worker' ? reader.readCondensed(values, sent) : reader.read(values, sent)),
    ...((isDamaged || wasDamaged) && { damaged: true }),
    ...(hasRandomWeights && { weights: 'random' }),
    plan: {
      wound: chosen.point.wound,
      codec: chosen.point.codec,
      worker: worker?.id,
      predictedMs: chosen.expectedMs,
      uplinkBps: unlessGuess(conditions.link)?.uplinkBps ?? null,
    },
    finishedAt,
    ...(finishedAt === 'edge' && saidPrecision(chosen.point.precision)),
    bytes: measured.sentBytes,
    totalMs: measured.totalMs,
    headMs: measured.headMs ?? 0,
    encodeMs: measured.encodeMs ?? 0,
    backendMs: remote && remote.decodeMs + remote.elapsedMs,
  }
}

/** The answer of another input of the same topic, for one that looks like it. */
export function reusedMessage(id: string, answer: AnswerMessage, totalMs: number): AnswerMessage {
  return {
    ...answer,
    id,
    reused: true,
    bytes: 0,
    totalMs,
    headMs: 0,
    encodeMs: 0,
    backendMs: undefined,
  }
}

/** A larger model's answer, which was asked for after another had been in doubt. */
export function secondMessage(answer: AnswerMessage, first: AnswerMessage, totalMs: number): AnswerMessage {
  return {
    ...answer,
    doubted: { model: first.model, confidence: confidenceOf(first)! },
    bytes: first.bytes + answer.bytes,
    totalMs,
  }
}

export function failureMessage({ id, source }: Asked, error: unknown): FailureMessage {
  return {
    ok: false,
    id,
    ...(source !== '' && { source }),
    error: { code: codeOf(error), message: describeError(error) },
  }
}

export function planRecord({ plan }: RequestTrace): PlanRecord | undefined {
  if (plan === undefined) return undefined
  const { chosen, worker, conditions } = plan
  const { edgeMs, remoteMs, remoteDeviationMs, localMs, expectedMs } = chosen
  const link = unlessGuess(conditions.link)
  return {
    wound: chosen.point.wound,
    codec: chosen.point.codec,
    ...saidPrecision(chosen.point.precision),
    worker: worker?.id,
    predicted: {
      edgeMs,
      ...(Number.isFinite(remoteMs) && { remoteMs }),
      remoteDeviationMs,
      localMs,
      expectedMs,
    },
    ...(link !== undefined && { uplinkBps: link.uplinkBps }),
    edgeFactor: conditions.edgeFactor,
    edgeWaitMs: conditions.edgeWaitMs,
  }
}

export function outcomeOf(result: ResultMessage): Outcome {
  if (result.ok) return { kind: 'answered', finishedAt: result.finishedAt }
  const { code, message } = result.error
  return { kind: code === 'overloaded' || code === 'shed' ? 'refused' : 'failed', code, message }
}

function codeOf(error: unknown): string {
  if (error instanceof AggregateError) return codeOf(error.errors[0])
  if (error instanceof InputError || error instanceof RequestError) return error.code
  if (error instanceof Error && error.name === 'OutputError') return 'bad-output'
  return 'internal'
}

export function describeError(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(describeError).join('; ')
  return error instanceof Error ? error.message : String(error)
}
