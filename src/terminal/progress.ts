/** A line on a terminal's stderr that is rewritten; elsewhere nothing is written. */
export interface Progress {
  show(text: string): void
  clear(): void
}

export function terminalProgress(): Progress {
  const { stderr } = process
  if (!stderr.isTTY) return { show: () => {}, clear: () => {} }
  return {
    show: (text) => stderr.write(`\r\x1b[2K${text.slice(0, Math.max(20, stderr.columns - 1))}`),
    clear: () => stderr.write('\r\x1b[2K'),
  }
}

/** `[####----] 12/24 what` */
export function progressBar(done: number, total: number, what: string): string {
  const width = 24
  const filled = total === 0 ? width : Math.round((width * done) / total)
  return `[${'#'.repeat(filled)}${'-'.repeat(width - filled)}] ${done}/${total} ${what}`
}
