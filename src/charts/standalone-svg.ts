const style =
  'text{font:12px sans-serif;fill:#1d2733}.title{font-size:15px;font-weight:600}.grid{stroke:#d5dbe1}.axis{stroke:#1d2733}.marker{stroke:#5b6875;stroke-dasharray:2 3}'

/** A chart as a file of its own: with the colours that a page would give it, on white. */
export function standaloneSvg(chart: string): string {
  return `${chart.replace('>', `><style>${style}</style><rect width="100%" height="100%" fill="#fff"/>`)}\n`
}
