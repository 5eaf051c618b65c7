/** Shows what goes on, on stderr: one line that changes on a terminal, else a line now and then. */
export function progressLine(): { show: (text: string) => void; end: () => void } {
  const { stderr } = process
  const startedMs = Date.now()
  let shown = false
  return {
    show(text) {
      const line = `${Math.round((Date.now() - startedMs) / 1000)} s  ${text}`
      stderr.write(stderr.isTTY ? `\r\x1b[K${line.slice(0, (stderr.columns ?? 80) - 1)}` : `${line}\n`)
      shown = true
    },
    end() {
      if (shown && stderr.isTTY) stderr.write('\r\x1b[K')
    },
  }
}
