import { nearestWord } from '../src/terminal/nearest-word.ts'
import { UsageError } from '../src/terminal/usage-error.ts'
import { usualColumns, wrapText } from '../src/terminal/wrap-text.ts'
import type { Command } from './command.ts'
import { commands } from './commands.ts'
import { exitCodesText } from './exit-codes.ts'

/** Every command in a line each. */
export function overview(): string {
  return `Usage: surgeon COMMAND [OPTIONS]

${linesOf(commands).join('\n')}

  surgeon help COMMAND   its options, with examples
  surgeon --version      the version

${exitCodesText}`
}

/** @param part of a command that has some; another word changes nothing. */
export function commandHelp(name: string, part?: string): string {
  const [words, { operands, summary, options, parts = {}, examples }] = partOf(name, part)
  const width = Math.min(24, Math.max(0, ...Object.keys(options).map(({ length }) => length)))
  const lines = Object.entries(options).map(([option, what]) => {
    const begin = `  ${option.padEnd(width)}  `
    return wrapText(what, usualColumns, begin, ' '.repeat(width + 4))
  })
  return [
    `Usage: surgeon ${[words, operands].filter((word) => word !== undefined).join(' ')}${lines.length > 0 ? ' [OPTIONS]' : ''}`,
    '',
    `${summary[0]!.toUpperCase()}${summary.slice(1)}.`,
    ...(lines.length > 0 ? ['', ...lines] : []),
    ...(Object.keys(parts).length > 0
      ? ['', ...linesOf(parts), '', `  surgeon help ${name} WHAT   its options, with examples`]
      : []),
    '',
    'For example:',
    ...examples.map((example) => `  surgeon ${example}`),
  ].join('\n')
}

function linesOf(several: Readonly<Record<string, Command>>): string[] {
  const width = Math.max(...Object.keys(several).map(({ length }) => length))
  return Object.entries(several).map(([name, { summary }]) => `  ${name.padEnd(width)}  ${summary}`)
}

/** The command, or its part of that name, with the words that call it. @throws {UsageError} for no such command. */
function partOf(name: string, part = ''): [words: string, command: Command] {
  const command = requireCommand(name)
  const { parts = {} } = command
  return Object.hasOwn(parts, part) ? [`${name} ${part}`, parts[part]!] : [name, command]
}

/** @throws {UsageError} with the nearest command. */
export function requireCommand(name: string): Command {
  if (Object.hasOwn(commands, name)) return commands[name]!
  throw new UsageError(
    `Unknown command ${name}.${didYouMean(name, Object.keys(commands))} surgeon help lists the commands.`,
  )
}

/** Adds the nearest option of the command to what the parser says of an unknown one. */
export function withNearestOption(error: UsageError, name: string, part?: string): UsageError {
  const wrong = /^Unknown option '(--?[^']+)'/.exec(error.message)?.[1]
  if (wrong === undefined || !Object.hasOwn(commands, name)) return error
  const [words, { options }] = partOf(name, part)
  const known = Object.keys(options).map((option) => option.split(/[ =]/)[0]!)
  return new UsageError(
    `Unknown option ${wrong}.${didYouMean(wrong, known)} surgeon help ${words} lists the options.`,
    { cause: error },
  )
}

function didYouMean(wrong: string, known: readonly string[]): string {
  const nearest = nearestWord(wrong, known)
  return nearest === undefined ? '' : ` Did you mean ${nearest}?`
}
