/** Of a page of charts in figures, light or dark as its reader has it; it loads nothing. */
export const chartPageStyle = `
:root { color-scheme: light dark; --ink: #1d2733; --soft: #5b6875; --line: #d5dbe1; --back: #fff; font: 15px/1.5 system-ui, sans-serif; }
@media (prefers-color-scheme: dark) { :root { --ink: #e3e9ef; --soft: #9aa7b4; --line: #35414d; --back: #10161c; } }
body { margin: 0 auto; max-width: 800px; padding: 16px; background: var(--back); color: var(--ink); }
figure { margin: 28px 0; } figcaption { color: var(--soft); }
svg { width: 100%; height: auto; font-size: 12px; font-family: inherit; }
svg text { fill: var(--ink); } svg .title { font-size: 15px; font-weight: 600; }
svg .grid { stroke: var(--line); } svg .axis { stroke: var(--ink); } svg .marker { stroke: var(--soft); stroke-dasharray: 2 3; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: 3px 14px 3px 0; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { white-space: normal; vertical-align: bottom; } th:first-child, td:first-child { text-align: left; }
@media (max-width: 560px) { figure { overflow-x: auto; } figure svg { width: 560px; } figcaption { position: sticky; left: 0; } }
`
