/**
 * The measurements behind the talk, ResNet50 on a Raspberry Pi 3 and a laptop, reckoned twice: with the talk's own formula
 * for the transfer and with what a link really carries.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { median } from 'simple-statistics'

/** What was measured of one wound, named by the layers after which it cuts. */
export interface MeasuredWound {
  readonly layers: readonly number[]
  readonly edgeS: number
  readonly backendS: number
  /** Of what crosses, and of the file that names the wound. */
  readonly transferBytes: number
  readonly namingBytes: number
}

export interface SeedMeasurements {
  readonly wounds: readonly MeasuredWound[]
  readonly localS: number
  /** The Pi's first run, which the talk leaves out. */
  readonly firstLocalS: number
  /** The whole network on the laptop. */
  readonly wholeBackendS: number
}

export interface SymmetricLink {
  readonly uplinkMbps: number
  readonly downlinkMbps: number
}

export interface ReplayedWound {
  readonly layers: readonly number[]
  readonly seconds: number
  /** Of local; above 1 the wound is desirable. */
  readonly acceleration: number
  /** Mbps in each direction at which it is as fast as local; undefined where no link makes it so. */
  readonly minimumMbps: number | undefined
}

/** Seconds a wound's transfer takes, as a multiple of what one bit per second takes each way. */
interface Transfer {
  readonly upBits: number
  readonly downBits: number
}

/** A thousand classes as float32. */
const resultBytes = 4000
const bitsPerMegabit = 1e6

/**
 * T = (d + g) / 1024 / (a * 125) + (d + g) / 1024 / (b * 125): every byte goes up and comes down again, and a megabit is
 * 125 * 1024 bytes.
 */
export function talkTransfer({ transferBytes, namingBytes }: MeasuredWound): Transfer {
  const bits = ((transferBytes + namingBytes) * bitsPerMegabit) / (1024 * 125)
  return { upBits: bits, downBits: bits }
}

/** What crosses goes up, the result comes down, and a megabit is a million bits. */
export function honestTransfer({ transferBytes }: MeasuredWound): Transfer {
  return { upBits: 8 * transferBytes, downBits: 8 * resultBytes }
}

/** Every wound on a link, in the order measured. */
export function replaySeed(
  { wounds, localS }: SeedMeasurements,
  { uplinkMbps, downlinkMbps }: SymmetricLink,
  transfer: (wound: MeasuredWound) => Transfer,
): ReplayedWound[] {
  return wounds.map((wound) => {
    const { upBits, downBits } = transfer(wound)
    const computeS = wound.edgeS + wound.backendS
    const seconds = computeS + (upBits / uplinkMbps + downBits / downlinkMbps) / bitsPerMegabit
    const spareS = localS - computeS
    return {
      layers: wound.layers,
      seconds,
      acceleration: localS / seconds,
      minimumMbps: spareS > 0 ? (upBits + downBits) / bitsPerMegabit / spareS : undefined,
    }
  })
}

/** Sending the encoded input and computing nothing on the edge: what the talk does not compare with. */
export function encodedInput({ wholeBackendS }: SeedMeasurements, bytes: number): MeasuredWound {
  return { layers: [], edgeS: 0, backendS: wholeBackendS, transferBytes: bytes, namingBytes: 0 }
}

/**
 * Reads the author's files. Warm medians: first runs are left out, and the laptop's tails are those of
 * `laptop_basic.csv`, because the warm ones of `laptop_backend.csv` are impossible.
 * @throws {TypeError} naming the file and its line.
 */
export async function readSeedMeasurements(directory: string): Promise<SeedMeasurements> {
  const [fronts, tails, local, whole] = await Promise.all(
    [
      'raspberrypi_frontend.csv',
      'laptop_basic.csv',
      'inference_time_raspberrypi.txt',
      'inference_time_laptop.txt',
    ].map((name) => readTable(join(directory, name))),
  )
  const edgeS = new Map(
    fronts!.rows.slice(1).map((row) => [row.wound, median(fronts!.numbers(row).slice(1))]),
  )
  const header = tails!.rows[0]!.cells
  const column = (name: string) => {
    const index = header.indexOf(name)
    if (index < 0) throw new TypeError(`Cannot read ${tails!.path}:1: it must have a column ${name}`)
    return index - 1
  }
  const [size, naming, backend] = [
    column('transfer_file_size'),
    column('donor_file_size'),
    column('backend_time'),
  ]
  const wounds = tails!.rows.slice(1).map((row): MeasuredWound => {
    const edge = edgeS.get(row.wound)
    if (edge === undefined)
      throw new TypeError(
        `Cannot read ${tails!.path}:${row.line}: ${fronts!.path} must have wound ${row.wound}`,
      )
    const cells = tails!.numbers(row)
    const needed = [size, naming, backend].map((index) => {
      const value = cells[index]
      if (value === undefined)
        throw new TypeError(`Cannot read ${tails!.path}:${row.line}: it must have ${header.length} columns`)
      return value
    })
    const layers = row.wound.match(/\d+/g)!.map(Number)
    const [transferBytes, namingBytes, backendS] = needed as [number, number, number]
    return { layers, edgeS: edge, backendS, transferBytes, namingBytes }
  })
  const runs = (table: Table) => table.rows.flatMap((row) => table.numbers(row))
  const [localRuns, wholeRuns] = [runs(local!), runs(whole!)]
  return {
    wounds,
    localS: median(localRuns.slice(1)),
    firstLocalS: localRuns[0]!,
    wholeBackendS: median(wholeRuns.slice(1)),
  }
}

interface Row {
  readonly line: number
  /** `[7, 14]`; empty where the row has none. */
  readonly wound: string
  readonly cells: readonly string[]
}

interface Table {
  readonly path: string
  readonly rows: readonly Row[]
  /** The row's cells but the wound. */
  readonly numbers: (row: Row) => number[]
}

async function readTable(path: string): Promise<Table> {
  const text = await readFile(path, 'utf8').catch((cause: Error) => {
    throw new TypeError(`Cannot read ${path}: it must be one of the author's files (${cause.message})`, {
      cause,
    })
  })
  const rows = text
    .split('\n')
    .map((content, i): Row => {
      const wound = /\[[\d, ]+\]/.exec(content)?.[0] ?? ''
      const cells = content.replace(`"${wound}"`, '').replace(wound, '').trim().split(',')
      return { line: i + 1, wound, cells }
    })
    .filter(({ wound, cells }) => wound !== '' || cells.some((cell) => cell !== ''))
  if (rows.length < 2) throw new TypeError(`Cannot read ${path}: it must have at least two lines`)
  const numbers = ({ line, cells }: Row) =>
    cells
      .filter((cell) => cell !== '')
      .map((cell) => {
        const value = Number(cell)
        if (Number.isFinite(value) && value >= 0) return value
        throw new TypeError(
          `Cannot read ${path}:${line}: each value must be a number of at least 0, current value is ${cell}`,
        )
      })
  return { path, rows, numbers }
}
