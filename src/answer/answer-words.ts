import {
  type AnswerSpec,
  answerSpecSchema,
  type ClassesSpec,
  mostClasses,
  mostOutput,
} from './answer-spec.ts'

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
  // Checked by hand where it is words: a schema takes longer than all the rest of a frame.
  const [, kind, rows, place = '0'] = classes.exec(text) ?? []
  const [topK, output] = [Number(rows), Number(place)]
  if (kind !== undefined && topK >= 1 && topK <= mostClasses && output <= mostOutput)
    return { kind: kind as ClassesSpec['kind'], topK, outputs: [output] }
  const parsed = answerSpecSchema.safeParse(content(text))
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw new TypeError(
    `answer must say how outputs are condensed, ${issue!.path.join('.')}: ${issue!.message}`,
  )
}

function content(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
