/** Rows as aligned text: numbers to the right, all else to the left; the first row is the head. */
export function textTable(rows: readonly (readonly (string | number)[])[]): string {
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
