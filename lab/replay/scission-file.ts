import { readFile } from 'node:fs/promises'

/**
 * Blocks of one model as a Scission file (Lockhart et al., UCC 2020) has them:
 * `model,block_first_layer,block_last_layer,seconds,output_bytes`, blocks in the order in which they run.
 */
export interface ScissionFile {
  /** As given, without its scale. */
  readonly path: string
  readonly scale: number
  readonly blocks: readonly ScissionBlock[]
}

export interface ScissionBlock {
  /** Keras' numbers, the last one included. */
  readonly firstLayer: number
  readonly lastLayer: number
  readonly ms: number
  /** Of what it gives, as float32. */
  readonly outputBytes: number
}

const columns = ['model', 'block_first_layer', 'block_last_layer', 'seconds', 'output_bytes']

/** @throws {SyntaxError} naming the file and the line. */
export async function readScissionFile(path: string, model: string, scale: number): Promise<ScissionFile> {
  return { path, scale, blocks: parseScission(await readFile(path, 'utf8'), { path, model, scale }) }
}

/** Whether a file's text begins as one of Scission's does. */
export function isScission(text: string): boolean {
  return text.startsWith(columns.join(','))
}

export interface ScissionChoice {
  /** Named in errors only. */
  readonly path: string
  readonly model: string
  /** Of the times. */
  readonly scale: number
}

/** @throws {SyntaxError} naming the file and the line. */
export function parseScission(text: string, { path, model, scale }: ScissionChoice): ScissionBlock[] {
  const lines = text.split('\n').map((line) => line.trim())
  const fault = (line: number, what: string) =>
    new SyntaxError(`Cannot read ${path}:${line}: ${what}, current value is '${lines[line - 1] ?? ''}'`)
  if (lines[0] !== columns.join(',')) throw fault(1, `it must be ${columns.join(',')}`)
  const blocks: ScissionBlock[] = []
  const models = new Set<string>()
  for (const [index, line] of lines.entries()) {
    if (index === 0 || line === '') continue
    const cells = line.split(',')
    const numbers = cells.slice(1).map((cell) => (cell === '' ? Number.NaN : Number(cell)))
    if (cells.length !== columns.length || !numbers.every((value) => value >= 0 && value < Infinity))
      throw fault(
        index + 1,
        `it must have ${columns.length} columns, all but the first numbers of at least 0`,
      )
    models.add(cells[0]!)
    if (cells[0] !== model) continue
    const [firstLayer, lastLayer, seconds, outputBytes] = numbers as [number, number, number, number]
    const expected = (blocks.at(-1)?.lastLayer ?? -1) + 1
    if (firstLayer !== expected) throw fault(index + 1, `block_first_layer must be ${expected}`)
    if (lastLayer < firstLayer) throw fault(index + 1, `block_last_layer must be at least ${firstLayer}`)
    if (outputBytes === 0 || outputBytes % 4 !== 0)
      throw fault(index + 1, 'output_bytes must be a multiple of 4 above 0')
    blocks.push({ firstLayer, lastLayer, ms: 1000 * scale * seconds, outputBytes })
  }
  if (blocks.length < 2)
    throw new SyntaxError(
      `Cannot read ${path}: it must have at least two blocks of model ${model}; it has ${[...models].join(', ')}`,
    )
  if (blocks.every(({ ms }) => ms === 0))
    throw new SyntaxError(`Cannot read ${path}: ${model} must take some time`)
  return blocks
}
