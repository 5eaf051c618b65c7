import { usualColumns, wrapText } from '../../src/terminal/wrap-text.ts'

/** From the best to the worst; `note` is neither. */
export const verdicts = ['good', 'note', 'warning', 'bad'] as const
export type Verdict = (typeof verdicts)[number]

/** One thing that was looked at. */
export interface Finding {
  /** In a word or two. */
  readonly about: string
  readonly verdict: Verdict
  /** What was found, as a sentence without a full stop. */
  readonly found: string
  /** How to mend it, of everything that is not good. */
  readonly mend?: string
}

export function good(about: string, found: string): Finding {
  return { about, verdict: 'good', found }
}

export function note(about: string, found: string, mend?: string): Finding {
  return { about, verdict: 'note', found, ...(mend !== undefined && { mend }) }
}

export function warning(about: string, found: string, mend: string): Finding {
  return { about, verdict: 'warning', found, mend }
}

export function bad(about: string, found: string, mend: string): Finding {
  return { about, verdict: 'bad', found, mend }
}

const signs: Readonly<Record<Verdict, string>> = { good: 'ok', note: '-', warning: '!', bad: 'BAD' }

/** The findings as text, each with its mend below it, and a line that sums them up. */
export function findingsText(findings: readonly Finding[], columns = usualColumns): string {
  const width = Math.max(...findings.map(({ about }) => about.length))
  const lines = findings.flatMap(({ about, verdict, found, mend }) => {
    const begin = `${signs[verdict].padEnd(3)}  ${about.padEnd(width)}  `
    const indent = ' '.repeat(begin.length)
    const first = wrapText(found, columns, begin, indent)
    return mend === undefined ? [first] : [first, wrapText(mend, columns, `${indent}-> `, `${indent}   `)]
  })
  const count = (wanted: Verdict) => findings.filter(({ verdict }) => verdict === wanted).length
  const [faults, warnings] = [count('bad'), count('warning')]
  const sum =
    faults + warnings === 0
      ? 'Nothing is wrong.'
      : `${faults} to mend, ${warnings} to know of, ${count('good')} in order.`
  return [...lines, '', sum].join('\n')
}
