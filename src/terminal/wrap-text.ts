/** Where output goes to no terminal, or to one that says nothing of its width. */
export const usualColumns = 80

/**
 * Breaks text at spaces so that no line is longer than `columns`; words that are stay whole.
 * @param first What the first line begins with, and `next` each other one.
 */
export function wrapText(text: string, columns: number, first = '', next = ''): string {
  const lines: string[] = []
  let line: string | undefined
  for (const word of text.split(' ')) {
    if (line === undefined) line = `${first}${word}`
    else if (line.length + 1 + word.length > columns) {
      lines.push(line)
      line = `${next}${word}`
    } else line = `${line} ${word}`
  }
  return [...lines, line].join('\n')
}
