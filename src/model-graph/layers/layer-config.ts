/** The `config` object of one Keras layer, with what an error message needs to say where it stands. */
export interface LayerConfig {
  readonly name: string
  readonly className: string
  readonly config: Readonly<Record<string, unknown>>
  /** File or other origin of the topology. */
  readonly origin: string
}

/** @returns The TypeError for a layer that cannot be understood, in the project's wording. */
export function layerError(layer: LayerConfig, complaint: string): TypeError {
  return new TypeError(
    `Cannot read layer '${layer.name}' (${layer.className}) of ${layer.origin}: ${complaint}`,
  )
}

function fieldError(layer: LayerConfig, key: string, must: string): TypeError {
  return layerError(layer, `${key} must ${must}, current value is ${JSON.stringify(layer.config[key])}`)
}

function isPositiveInteger(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0
}

export function positiveInteger(layer: LayerConfig, key: string, fallback?: number): number {
  const value = layer.config[key] ?? fallback
  if (!isPositiveInteger(value)) throw fieldError(layer, key, 'be a positive integer')
  return value
}

/** A number for both spatial axes or one for each: rows first. */
export function pair(
  layer: LayerConfig,
  key: string,
  fallback?: number | readonly number[],
): [number, number] {
  const value = layer.config[key] ?? fallback
  const values: unknown[] = Array.isArray(value) ? value : [value, value]
  const [rows, columns] = values
  if (values.length !== 2 || !isPositiveInteger(rows) || !isPositiveInteger(columns)) {
    throw fieldError(layer, key, 'be a positive integer or a pair of them')
  }
  return [rows, columns]
}

/** Margins of a padding or cropping layer: n, [rows, columns] or [[top, bottom], [left, right]]. */
export function margins(layer: LayerConfig, key: string): [number, number, number, number] {
  const value = layer.config[key] ?? 1
  const axes: unknown[] = Array.isArray(value) ? value : [value, value]
  const flat: unknown[] = axes.flatMap((axis): unknown[] => (Array.isArray(axis) ? axis : [axis, axis]))
  if (
    axes.length !== 2 ||
    flat.length !== 4 ||
    !flat.every((n) => Number.isSafeInteger(n) && (n as number) >= 0)
  ) {
    throw fieldError(layer, key, 'be n, [rows, columns] or [[top, bottom], [left, right]]')
  }
  return flat as [number, number, number, number]
}

export function finiteNumber(layer: LayerConfig, key: string, fallback: number): number {
  const value = layer.config[key] ?? fallback
  if (typeof value !== 'number' || !Number.isFinite(value)) throw fieldError(layer, key, 'be a finite number')
  return value
}

export function flag(layer: LayerConfig, key: string, fallback: boolean): boolean {
  const value = layer.config[key] ?? fallback
  if (typeof value !== 'boolean') throw fieldError(layer, key, 'be true or false')
  return value
}

export function oneOf<const T extends string>(
  layer: LayerConfig,
  key: string,
  choices: readonly T[],
  fallback: T,
): T {
  const value = layer.config[key] ?? fallback
  const found = choices.find((choice) => choice === value)
  if (found === undefined) throw fieldError(layer, key, `be one of ${choices.join(', ')}`)
  return found
}

export function integers(layer: LayerConfig, key: string): number[] {
  const value = layer.config[key]
  if (!Array.isArray(value) || !value.every((n) => Number.isSafeInteger(n))) {
    throw fieldError(layer, key, 'be an array of integers')
  }
  return value as number[]
}

/** Keras counts axes with the batch axis as 0 and may count from the end. @returns The axis without the batch axis. */
export function axisOf(layer: LayerConfig, key: string, rank: number, fallback = -1): number {
  const raw = layer.config[key] ?? fallback
  const value: unknown = Array.isArray(raw) && raw.length === 1 ? raw[0] : raw
  const axis = Number.isSafeInteger(value) ? (value as number) : Number.NaN
  const counted = axis < 0 ? axis + rank : axis - 1
  if (!(counted >= 0 && counted < rank))
    throw fieldError(layer, key, `name one of ${rank} axes after the batch axis`)
  return counted
}

/** Only channels-last models are read: it is what Keras and TensorFlow.js run on a CPU. */
export function requireChannelsLast(layer: LayerConfig): void {
  oneOf(layer, 'data_format', ['channels_last'], 'channels_last')
}
