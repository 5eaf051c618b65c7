/**
 * Widths of text in the widest font that the pictures may be shown in: Helvetica and Arial are absent from a stock
 * Debian, which takes DejaVu Sans instead. Graphviz knows no fonts where it runs here, and guesses too little.
 */

/** Advance widths of DejaVu Sans (hmtx table, 2048 units per em), by the characters that have them. */
const widths: readonly (readonly [string, number])[] = [
  ['ijl', 569],
  [' ,.·', 651],
  ["'", 563],
  ['/|\\', 690],
  ['-', 739],
  ['ft', 803],
  ['()[]', 799],
  ['rIJ', 842],
  ['sz_', 1075],
  ['ckvxy', 1212],
  ['aeoF', 1260],
  ['bdghnpquL', 1300],
  ['0123456789EPRSTY', 1320],
  ['ABCKVX', 1430],
  ['DGNOQUH', 1615],
  ['wMm✂×+=<>', 1995],
  ['W…', 2048],
]
const unitsPerEm = 2048
const byCharacter = new Map(
  widths.flatMap(([characters, width]) => Array.from(characters, (one) => [one, width] as const)),
)
/** Of what is not in the table: as wide as the widest letter. */
const widest = 2048
/** DejaVu Sans Bold against DejaVu Sans, over letters and digits. */
const boldFactor = 1.12

/** In points. */
export function textWidth(text: string, pointSize: number, weight: 'normal' | 'bold' = 'normal'): number {
  let units = 0
  for (const character of text) units += byCharacter.get(character) ?? widest
  return ((weight === 'bold' ? boldFactor : 1) * units * pointSize) / unitsPerEm
}
