import { escapeMarkup } from '../../src/markup/escape-markup.ts'
import type { ReportChart } from './charts/chart-parts.ts'

export interface PageFacts {
  readonly title: string
  /** A sentence each. */
  readonly said: readonly string[]
  readonly charts: readonly ReportChart[]
  /** Wounds that are faster than the edge alone over the link, the fastest first. */
  readonly table: { readonly head: readonly string[]; readonly rows: readonly (readonly string[])[] }
}

const style = `
:root { color-scheme: light dark; --ink: #1d2733; --soft: #5b6875; --line: #d5dbe1; --back: #fff; font: 15px/1.5 system-ui, sans-serif; }
@media (prefers-color-scheme: dark) { :root { --ink: #e3e9ef; --soft: #9aa7b4; --line: #35414d; --back: #10161c; } }
body { margin: 0 auto; max-width: 800px; padding: 16px; background: var(--back); color: var(--ink); }
figure { margin: 28px 0; } figcaption { color: var(--soft); }
svg { width: 100%; height: auto; font-size: 12px; font-family: inherit; }
svg text { fill: var(--ink); } svg .title { font-size: 15px; font-weight: 600; }
svg .grid { stroke: var(--line); } svg .axis { stroke: var(--ink); } svg .marker { stroke: var(--soft); stroke-dasharray: 2 3; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: 3px 14px 3px 0; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; } th:first-child, td:first-child { text-align: left; }
`

/** The report as one file that loads nothing. */
export function reportPage({ title, said, charts, table }: PageFacts): string {
  const row = (cells: readonly string[], tag: 'th' | 'td') =>
    `<tr>${cells.map((cell) => `<${tag}>${escapeMarkup(cell)}</${tag}>`).join('')}</tr>`
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeMarkup(title)}</title><style>${style}</style></head>
<body><h1>${escapeMarkup(title)}</h1>
${said.map((line) => `<p>${escapeMarkup(line)}</p>`).join('\n')}
<h2>Desirable wounds over this link</h2>
${table.rows.length === 0 ? '<p>None: nothing that is cut is faster than the edge alone.</p>' : `<div class="scroll"><table>${row(table.head, 'th')}${table.rows.map((cells) => row(cells, 'td')).join('')}</table></div>`}
${charts.map(({ svg, caption }) => `<figure>${svg}<figcaption>${escapeMarkup(caption)}</figcaption></figure>`).join('\n')}
</body></html>
`
}
