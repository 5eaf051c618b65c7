import { type AnswerSpec, answerSpecSchema } from './answer-spec.ts'

/** Of one output of probabilities: kind, rows and the output's place where it is not the first. */
const classes = /^(softmax|logits|classes) (\d{1,3})(?: (\d{1,3}))?$/

/** A specification as it travels: a few words for what most models need, JSON for the rest. */
export function answerWords(spec: AnswerSpec): string {
  if (!('topK' in spec) || spec.state !== undefined) return JSON.stringify(spec)
  const [place] = spec.outputs
  return place === 0 ? `${spec.kind} ${spec.topK}` : `${spec.kind} ${spec.topK} ${place}`
}

/** What {@link answerWords} wrote. @throws {TypeError} where it is none. */
export function readAnswerWords(text: string): AnswerSpec {
  const parsed = answerSpecSchema.safeParse(content(text))
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw new TypeError(
    `answer must say how outputs are condensed, ${issue!.path.join('.')}: ${issue!.message}`,
  )
}

function content(text: string): unknown {
  const words = classes.exec(text)
  if (words !== null) return { kind: words[1], topK: Number(words[2]), outputs: [Number(words[3] ?? 0)] }
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
