/** Where output goes to no terminal, or to one that says nothing of its width. */
export const usualColumns = 80

/** Breaks a line at spaces so that none is longer than `columns`; words that are stay whole. */
export function wrapText(text: string, columns = usualColumns, indent = ''): string {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > columns) {
      lines.push(line)
      line = `${indent}${word}`
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line].join('\n')
}
