import type { ModelChoice } from '../src/model-graph/model-choice.ts'
import type { StreamSettings } from '../src/scheduler/mix/mix.ts'
import { unchangedClass } from '../src/scheduler/mix/reuse.ts'
import type { UnchangedSettings } from '../src/scheduler/unchanged-frames.ts'
import { deviceTopic } from '../src/transport/topics.ts'
import type { AgentConfig } from './config.ts'

/** Where inputs come from, and how they are to be treated among the others. */
export interface InputStream extends StreamSettings {
  readonly deadlineMs: number
  /** Topic filter. */
  readonly input: string
  /** Whether an input that is shed is answered by an error. */
  readonly shedReplies: boolean
  /** Who asked, for the answer and its topic: the stream's name, or what follows the input topic; empty for nothing. */
  readonly sourceOf: (topic: string) => string
  readonly model: ModelChoice
  /** What is asked next where the first answer is less likely than `below`; by the name that workers announce. */
  readonly cascade?: { readonly model: string; readonly below: number } | undefined
  /** Where inputs that look like the last one are not computed. */
  readonly unchanged?: UnchangedSettings | undefined
}

/** The streams of the configuration; without any, one that answers all its inputs, each sub-topic on one of its own. */
export function inputStreams({ device, topicPrefix, streams, limits, model }: AgentConfig): InputStream[] {
  const own = deviceTopic(device, 'input', topicPrefix)
  if (streams !== undefined)
    return streams.map(({ name, input = `${own}/${name}`, ...stream }) => ({
      ...stream,
      name,
      input,
      deadlineMs: stream.deadlineMs ?? limits.requestMs,
      sourceOf: () => name,
      model: stream.model ?? model,
    }))
  return [
    {
      name: 'default',
      priority: 0,
      weight: 1,
      deadlineMs: limits.requestMs,
      keep: 'all',
      shedReplies: true,
      // The level above is among them.
      input: `${own}/#`,
      sourceOf: (topic) => topic.slice(own.length + 1),
      model,
    },
  ]
}

/** What a stream's doubtful inputs are called where they are counted by themselves; no stream's name has a slash. */
export function doubtfulOf(stream: string): string {
  return `${stream}/doubtful`
}

/**
 * The streams as the mix of plans has them. Some inputs are another class of arrivals: what looks like the last one
 * computed, which needs nothing, and what is sent to a larger model, of which none displaces a first answer of the same
 * priority, and which is left out rather than waited for.
 */
export function mixStreams(streams: readonly InputStream[]): StreamSettings[] {
  return streams.flatMap((stream): StreamSettings[] => {
    const { name, priority, cascade, unchanged } = stream
    return [
      stream,
      ...(unchanged === undefined ? [] : [unchangedClass(stream)]),
      ...(cascade === undefined
        ? []
        : [{ ...stream, name: doubtfulOf(name), priority: priority - 0.5, keep: 'newest' as const }]),
    ]
  })
}
