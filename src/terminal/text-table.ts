type Cell = string | number

/**
 * Rows as aligned text: numbers to the right, all else to the left; the first row is the head. Where a terminal is too
 * narrow for all columns, those that do not fit follow below, beside the first column again.
 */
export function textTable(
  rows: readonly (readonly Cell[])[],
  columns = process.stdout.columns ?? Infinity,
): string {
  const count = Math.max(...rows.map(({ length }) => length))
  const parts: Cell[][][] = []
  for (let first = 1; first < count || first === 1; ) {
    let last = first
    const part = (end: number): Cell[][] => rows.map((row) => [row[0] ?? '', ...row.slice(first, end + 1)])
    while (last + 1 < count && widthOf(part(last + 1)) <= columns) last++
    parts.push(part(last))
    first = last + 1
  }
  return parts.map(alignedRows).join('\n\n')
}

function widthOf(rows: readonly (readonly Cell[])[]): number {
  return Math.max(
    ...alignedRows(rows)
      .split('\n')
      .map(({ length }) => length),
  )
}

function alignedRows(rows: readonly (readonly Cell[])[]): string {
  const columns = Math.max(...rows.map(({ length }) => length))
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.max(...rows.map((row) => String(row[column] ?? '').length)),
  )
  const isNumber = widths.map((_, column) =>
    rows.slice(1).every((row) => /^-?[\d,.]*(e[-+]\d+)?( %| MB| ms)?$/.test(String(row[column] ?? ''))),
  )
  return rows
    .map((row) =>
      row
        .map((cell, column) =>
          isNumber[column] === true
            ? String(cell).padStart(widths[column]!)
            : String(cell).padEnd(widths[column]!),
        )
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

/** 1234567 as `1,234,567`. */
export function grouped(value: number): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: 0 })
}
