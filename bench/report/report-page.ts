import { chartPageStyle } from '../../src/charts/page-style.ts'
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

/** The report as one file that loads nothing. */
export function reportPage({ title, said, charts, table }: PageFacts): string {
  const row = (cells: readonly string[], tag: 'th' | 'td') =>
    `<tr>${cells.map((cell) => `<${tag}>${escapeMarkup(cell)}</${tag}>`).join('')}</tr>`
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeMarkup(title)}</title><style>${chartPageStyle}</style></head>
<body><h1>${escapeMarkup(title)}</h1>
${said.map((line) => `<p>${escapeMarkup(line)}</p>`).join('\n')}
<h2>Desirable wounds over this link</h2>
${table.rows.length === 0 ? '<p>None: nothing that is cut is faster than the edge alone.</p>' : `<div class="scroll"><table>${row(table.head, 'th')}${table.rows.map((cells) => row(cells, 'td')).join('')}</table></div>`}
${charts.map(({ svg, caption }) => `<figure>${svg}<figcaption>${escapeMarkup(caption)}</figcaption></figure>`).join('\n')}
</body></html>
`
}
