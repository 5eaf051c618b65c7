import { type ParseArgsConfig, parseArgs } from 'node:util'
import { UsageError } from './usage-error.ts'

type Parsed<Config extends ParseArgsConfig> = ReturnType<typeof parseArgs<Config>>

/** Options and positionals of a command. @throws {UsageError} in `parseArgs`' words. */
export function readOptions<const Config extends ParseArgsConfig>(
  args: readonly string[],
  config: Config,
): Parsed<Config> {
  try {
    return parseArgs({ ...config, args: [...args] }) as Parsed<Config>
  } catch (cause) {
    throw new UsageError((cause as Error).message, { cause })
  }
}

/** @throws {UsageError} for anything but a whole number of at least `least`. */
export function wholeNumber(text: string, option: string, least: number): number {
  const value = Number(text)
  if (text.trim() === '' || !Number.isInteger(value) || value < least) {
    throw new UsageError(`${option} must be a whole number from ${least}, current value is ${text}`)
  }
  return value
}

/** @throws {UsageError} for anything but whole numbers of at least `least` with commas between; none for nothing. */
export function wholeNumbers(text: string, option: string, least: number): number[] {
  return text === '' ? [] : text.split(',').map((part) => wholeNumber(part, option, least))
}

/** @throws {UsageError} for anything but a number above 0. */
export function positiveNumber(text: string, option: string): number {
  const value = Number(text)
  if (!(value > 0 && Number.isFinite(value)))
    throw new UsageError(`${option} must be a number above 0, current value is ${text}`)
  return value
}
