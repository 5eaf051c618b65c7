/**
 * The known word that a mistyped one most likely means: least edits (insertions, deletions, replacements and swaps of
 * neighbours: the optimal string alignment distance), if these are at most a third of its letters; the first of equals.
 * O(words * length²).
 */
export function nearestWord(wrong: string, known: readonly string[]): string | undefined {
  let best: { readonly word: string; readonly edits: number } | undefined
  for (const word of known) {
    const edits = editDistance(wrong, word)
    if (edits <= Math.max(1, Math.floor(word.length / 3)) && (best === undefined || edits < best.edits))
      best = { word, edits }
  }
  return best?.word
}

export function editDistance(a: string, b: string): number {
  // rows[i][j]: edits from the first i letters of a to the first j of b.
  const rows = Array.from({ length: a.length + 1 }, (_, i) => [i, ...Array<number>(b.length).fill(0)])
  for (let j = 0; j <= b.length; j++) rows[0]![j] = j
  for (let i = 1; i <= a.length; i++) {
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      let least = Math.min(rows[i - 1]![j]! + 1, rows[i]![j - 1]! + 1, rows[i - 1]![j - 1]! + (same ? 0 : 1))
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        least = Math.min(least, rows[i - 2]![j - 2]! + 1)
      rows[i]![j] = least
    }
  }
  return rows[a.length]![b.length]!
}
